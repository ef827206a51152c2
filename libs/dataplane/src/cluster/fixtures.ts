import type { Assignment, ClusterConfig, Endpoint } from "../runtime/cluster-config.ts";
import { defaultHttp2Settings } from "../runtime/http2-settings.ts";
import { ClusterHost } from "./host.ts";

const nowhere = { region: "", zone: "", subZone: "" };

/** For tests: an endpoint at 10.0.0.x. */
export function endpoint(last: number, changes: Partial<Endpoint> = {}): Endpoint {
  return {
    address: `10.0.0.${last}`,
    port: 80,
    hostname: "",
    weight: 1,
    health: "healthy",
    metadata: {},
    ...changes,
  };
}

/** For tests: a host at 10.0.0.x. */
export function host(last: number, changes: Partial<Endpoint> = {}): ClusterHost {
  return new ClusterHost(endpoint(last, changes), nowhere, 0);
}

/** For tests: one locality with these endpoints. */
export function assignment(...endpoints: readonly Endpoint[]): Assignment {
  return {
    overprovisioningPercent: 140,
    localities: [{ locality: nowhere, priority: 0, weight: 1, endpoints }],
  };
}

/** For tests: an EDS cluster, round robin, Envoy's default limits, no transport. */
export function clusterConfig(changes: Partial<ClusterConfig> = {}): ClusterConfig {
  return {
    name: "c",
    observabilityName: changes.name ?? "c",
    metadata: {},
    version: "1",
    discovery: { kind: "eds", serviceName: changes.name ?? "c", initialFetchTimeoutMs: 15_000 },
    loadBalancer: { kind: "round-robin" },
    localityWeighted: false,
    panicThreshold: 50,
    failTrafficOnPanic: false,
    connectTimeoutMs: 5000,
    protocol: "http1",
    http2: defaultHttp2Settings,
    maxRequestsPerConnection: 0,
    idleTimeoutMs: 3_600_000,
    limits: { connection: 1024, pending: 1024, request: 1024, retry: 3 },
    secrets: [],
    tlsMaterials: [],
    transport: {
      connect: () => {
        throw new Error("this test opens no connections");
      },
    },
    ...changes,
  };
}

/** For tests: the same numbers in [0, 1) each time (a linear congruence). */
export function seededRandom(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
