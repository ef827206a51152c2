import type { ConnectionPoolSettings } from "@weft/istio-api";
import type { ConsolidatedDestinationRule, ServiceTarget } from "@weft/mesh-model";
import { type BuildContext, ruleFor, serviceRef } from "../context.ts";
import { durationMs } from "../durations.ts";
import type { Backend, BackendService, LocalityEndpoints } from "../ir/index.ts";
import type { InboundPort } from "../listeners/inbound-ports.ts";
import { inboundBackendName } from "../names.ts";
import { configRef } from "../refs.ts";
import { backendService } from "./build.ts";
import { inboundSourceAddress } from "./fixed.ts";
import { buildUpstreamHttp } from "./http.ts";
import { buildKeepalive, buildLimits, effectivePolicy } from "./policy.ts";

function oneEndpoint(address: string, port: number): readonly LocalityEndpoints[] {
  const endpoint = { address, port, weight: 1, takesMutualTls: false };
  return [{ region: "", zone: "", subzone: "", priority: 0, endpoints: [endpoint] }];
}

/** Services in the order of their host names, each once. */
function servicesOf(targets: readonly ServiceTarget[]): BackendService[] {
  const byHost = new Map(targets.map(({ service }) => [service.hostname, backendService(service)]));
  return [...byHost.values()].sort((a, b) => (a.host < b.host ? -1 : 1));
}

/** What the Sidecar says of connections to a port of the own application, else to all of them. */
function sidecarPool({ view }: BuildContext, port: InboundPort): ConnectionPoolSettings | undefined {
  const { ingress = [], inboundConnectionPool } = view.scope.sidecar?.spec ?? {};
  const own = ingress.find((listener) => listener.port.number === port.number);
  return own?.connectionPool ?? inboundConnectionPool;
}

/**
 * The backend for a port of the own application. What a DestinationRule says of connections to the service holds
 * here too, unless the Sidecar has settings of its own, so that the receiving end has the room that clients are given;
 * balancing and TLS are the clients' alone.
 */
export function buildInboundBackend(context: BuildContext, port: InboundPort): Backend {
  const first = port.targets[0];
  const rule: ConsolidatedDestinationRule | undefined = first && ruleFor(context, first.service);
  const applied = rule?.spec.trafficPolicy === undefined ? undefined : rule;
  const pool =
    sidecarPool(context, port) ??
    (first && effectivePolicy(applied?.spec, first.port.port, "").connectionPool);
  const http = buildUpstreamHttp(port.protocol, pool, { sniffs: true, inbound: true });
  const keepalive = buildKeepalive(pool, context.mesh);
  const direct = port.forwardTo;
  return {
    name: inboundBackendName(port.number),
    discovery: direct
      ? { kind: "static", endpoints: oneEndpoint(direct.address, direct.port) }
      : { kind: "original-destination", keepHosts: true },
    connectTimeoutMs: durationMs(pool?.tcp?.connectTimeout) ?? context.mesh.connectTimeoutMs,
    limits: buildLimits(pool),
    loadBalancing: direct ? { kind: "round-robin" } : { kind: "provided" },
    ...(direct ? {} : { sourceAddress: inboundSourceAddress }),
    services: port.targets.length > 0 ? servicesOf(port.targets) : [],
    external: false,
    exchangesMetadata: false,
    origin: [...port.targets.map(({ service }) => serviceRef(service)), ...port.origin],
    ...(http ? { http } : {}),
    ...(keepalive ? { tcpKeepalive: keepalive } : {}),
    ...(applied ? { config: configRef(applied) } : {}),
  };
}
