import type { MeshConfig } from "@weft/istio-api";
import type { BuildContext } from "../context.ts";
import type { Backend } from "../ir/index.ts";
import { fixedBackends } from "../names.ts";
import { dnsCache } from "./dynamic-dns.ts";
import { buildLimits } from "./policy.ts";

/** Address that connections to the own application come from, so that interception lets them pass. */
export const inboundSourceAddress = "127.0.0.6";

const none = { services: [], external: false, origin: [] } as const;

/** Goes nowhere. */
export function blackHole(mesh: MeshConfig): Backend {
  return {
    ...none,
    name: fixedBackends.blackHole,
    discovery: { kind: "static", endpoints: [] },
    connectTimeoutMs: mesh.connectTimeoutMs,
    loadBalancing: { kind: "round-robin" },
    exchangesMetadata: false,
  };
}

function toOriginalDestination(mesh: MeshConfig, name: string): Omit<Backend, "exchangesMetadata"> {
  return {
    ...none,
    name,
    discovery: { kind: "original-destination", keepHosts: false },
    connectTimeoutMs: mesh.connectTimeoutMs,
    limits: buildLimits(undefined),
    loadBalancing: { kind: "provided" },
    // Idle connections to places that nobody has described are not kept for long.
    http: { protocol: "auto", idleTimeoutMs: 300_000 },
  };
}

/** To where the application wanted to go. */
export function passthrough(mesh: MeshConfig): Backend {
  return { ...toOriginalDestination(mesh, fixedBackends.passthrough), exchangesMetadata: true };
}

/** To the host that a request names, wherever DNS says it is. */
export function dynamicDns(context: BuildContext): Backend {
  return {
    ...toOriginalDestination(context.mesh, fixedBackends.dynamicDns),
    discovery: { kind: "dynamic-dns", cache: dnsCache(context, fixedBackends.dynamicDns) },
    exchangesMetadata: true,
  };
}

/** To the application, on ports that no service declares. */
export function inboundPassthrough(mesh: MeshConfig): Backend {
  return {
    ...toOriginalDestination(mesh, fixedBackends.inboundPassthrough),
    sourceAddress: inboundSourceAddress,
    exchangesMetadata: false,
  };
}
