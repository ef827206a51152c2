import type { MeshConfig, ServiceSpec } from "@weft/istio-api";
import { creationTime } from "../config.ts";
import type { MeshObject } from "../object.ts";
import { selectProtocol } from "../protocol.ts";
import type { Service, ServicePort } from "../service.ts";
import { parseExportTo } from "../visibility.ts";

/** Reads a Kubernetes Service. `version` is the hash of its content. */
export function toService(object: MeshObject, mesh: MeshConfig, version: string): Service {
  const { name, namespace, labels, annotations } = object.metadata;
  // Kubernetes has validated its own kinds.
  const spec = (object.body.spec ?? {}) as ServiceSpec;
  const external = spec.type === "ExternalName" && spec.externalName !== undefined;
  const exportTo = annotations["networking.istio.io/exportTo"];
  const addresses = clusterIps(spec);
  return {
    hostname: `${name}.${namespace}.svc.${mesh.domainSuffix}`,
    name,
    namespace,
    ports: (spec.ports ?? []).map(toServicePort),
    addresses,
    resolution: external ? "Alias" : addresses.length === 0 ? "Passthrough" : "ClientSideLB",
    meshExternal: external,
    exportTo: parseExportTo(
      exportTo
        ?.split(",")
        .map((part) => part.trim())
        .filter((part) => part !== ""),
      namespace,
      mesh.defaultServiceExportTo,
    ),
    labels,
    ...(spec.selector && Object.keys(spec.selector).length > 0 ? { selector: spec.selector } : {}),
    registry: "Kubernetes",
    createdAt: creationTime(object),
    ...(external && spec.externalName !== undefined ? { aliasOf: spec.externalName } : {}),
    ...(prefersClose(spec.trafficDistribution, annotations) ? { trafficDistribution: "PreferClose" } : {}),
    ...(spec.publishNotReadyAddresses ? { publishNotReadyAddresses: true } : {}),
    version,
  };
}

/** PreferSameZone is the later name of PreferClose; of PreferSameNode, what is nearer than the zone is not told apart. */
const close = ["preferclose", "prefersamezone", "prefersamenode"];

/** Whether clients are asked to stay near: by the annotation, else by what the spec says. */
export function prefersClose(
  distribution: ServiceSpec["trafficDistribution"],
  annotations: Readonly<Record<string, string>>,
): boolean {
  const wanted = annotations["networking.istio.io/traffic-distribution"] ?? distribution;
  return wanted !== undefined && close.includes(wanted.toLowerCase());
}

function clusterIps(spec: ServiceSpec): readonly string[] {
  if (spec.clusterIP === "None" || spec.type === "ExternalName") return [];
  const all = [...new Set([spec.clusterIP, ...(spec.clusterIPs ?? [])])];
  return all.filter((ip): ip is string => ip !== undefined && ip !== "" && ip !== "None");
}

function toServicePort(port: NonNullable<ServiceSpec["ports"]>[number]): ServicePort {
  const base = { name: port.name ?? "", port: port.port, protocol: selectProtocol(port) };
  return port.targetPort === undefined || port.targetPort === 0
    ? base
    : { ...base, targetPort: port.targetPort };
}
