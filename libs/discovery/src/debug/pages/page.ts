import type { MeshSnapshot, Store } from "@weft/mesh-model";
import type { EndpointReply, EndpointRequest, EndpointRoute } from "@weft/observability";
import type { XdsServer } from "@weft/xds";
import type { Engine } from "../../engine.ts";
import type { ConnectedProxy } from "../../proxies.ts";

/** What the debug pages show. */
export interface DebugOptions {
  readonly engine: Engine;
  readonly store: Store;
  readonly xds: Pick<XdsServer, "cache">;
  /** Name of this pilot. */
  readonly instance: string;
}

const notReady: EndpointReply = { status: 503, body: "not ready: no snapshot of the mesh yet\n" };

/** A page about the mesh that proxies are given now. */
export function meshPage(
  { engine }: Pick<DebugOptions, "engine">,
  show: (snapshot: MeshSnapshot, request: EndpointRequest) => object,
): EndpointRoute["handle"] {
  return (request) => {
    const snapshot = engine.snapshot();
    return snapshot === undefined ? notReady : { body: show(snapshot, request) };
  };
}

/** A page about one proxy, which the query names: `?proxyID=POD.NAMESPACE`. */
export function proxyPage(
  { engine, instance }: Pick<DebugOptions, "engine" | "instance">,
  show: (proxy: ConnectedProxy) => object,
): EndpointRoute["handle"] {
  return ({ query }) => {
    const name = query.get("proxyID");
    if (name === null) return { status: 400, body: "name a proxy: ?proxyID=POD.NAMESPACE\n" };
    const proxy = engine.proxies.find(name);
    if (proxy !== undefined) return { body: show(proxy) };
    const known = [...engine.proxies.all].map(({ node }) => node.name).sort();
    return {
      status: 404,
      body: `no proxy ${name} is connected to ${instance}; there is ${known.join(", ") || "none"}\n`,
    };
  };
}
