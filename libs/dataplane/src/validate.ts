import { createFakeClock, type Problem } from "@weft/base";
import type { Bootstrap } from "@weft/envoy-api/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { compileBootstrap, grpcAddress, validateStaticResources } from "./bootstrap/index.ts";
import { type CompileEnvironment, createTlsEnvironment } from "./compile/index.ts";
import { createDnsCaches } from "./dns-cache/index.ts";
import { httpFilterFactories } from "./http/filters/index.ts";
import { createHttpDataPath } from "./http/index.ts";
import { createIstioMetrics } from "./istio-metrics/index.ts";
import { createStatsStore } from "./stats/index.ts";

/** Everything that configuration is compiled against, and nothing that runs: for checks of configuration alone. */
export function createBareEnvironment(bootstrap?: Bootstrap): CompileEnvironment {
  const clock = createFakeClock();
  const stats = createStatsStore();
  const clusters = { get: () => undefined };
  const dataPath = createHttpDataPath({ clock, clusters });
  return {
    clock,
    tls: createTlsEnvironment(clock, bootstrap && ((cluster) => grpcAddress(bootstrap, cluster))),
    serviceCluster: "",
    onFault: () => {},
    dnsCaches: createDnsCaches({ clock, resolver: { resolve: async () => [] }, stats }),
    random: () => 0,
    requestId: () => "",
    stats,
    istioMetrics: createIstioMetrics({ nodeMetadata: {}, clusters, clock }),
    clusters,
    routes: () => undefined,
    logFile: () => ({ write: () => {}, close: async () => {} }),
    httpFilters: httpFilterFactories,
    createConnectionManager: dataPath.createConnectionManager,
    callCluster: dataPath.callCluster,
    openTunnel: dataPath.openTunnel,
    createRouter: dataPath.createRouter,
  };
}

/** Says what is wrong with a bootstrap and its static resources; opens and resolves nothing. */
export function validateBootstrap(bootstrap: Bootstrap): readonly Problem[] {
  return [
    ...compileBootstrap(bootstrap).problems,
    ...validateStaticResources(bootstrap, createBareEnvironment(bootstrap)),
  ];
}
