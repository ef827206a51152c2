import { basename } from "node:path";
import type { MeshObject, SourceEvent } from "@weft/mesh-model";

/** API groups whose objects configure the mesh; of a user's folder only these are taken, the mesh makes the rest itself. */
const configGroups = /(^|\.)(istio\.io|gateway\.networking\.k8s\.io)\//;

/**
 * What becomes of an event of a user's folder: objects that are no mesh configuration are left out, as is local.yaml, and the servers of a
 * Gateway are bound to loopback, so that nothing on this machine listens for others. Undefined where nothing is left.
 */
export function localiseEvent(event: SourceEvent): SourceEvent | undefined {
  if (event.kind === "problems" && basename(event.origin) === "local.yaml") return undefined;
  if (event.kind !== "upsert") return event;
  const { object } = event;
  if (!configGroups.test(object.apiVersion)) return undefined;
  return object.kind === "Gateway" && object.apiVersion.startsWith("networking.istio.io/")
    ? { ...event, object: bindToLoopback(object) }
    : event;
}

function bindToLoopback(gateway: MeshObject): MeshObject {
  const { spec } = gateway.body;
  if (typeof spec !== "object" || spec === null || !("servers" in spec) || !Array.isArray(spec.servers))
    return gateway;
  const servers = spec.servers.map((server: unknown) =>
    typeof server === "object" && server !== null ? { bind: "127.0.0.1", ...server } : server,
  );
  return { ...gateway, body: { ...gateway.body, spec: { ...spec, servers } } };
}
