import { typeUrls } from "@weft/envoy-api";
import {
  accept,
  reject,
  type Verdict,
  type XdsClient,
  type XdsClientSubscription,
  type XdsUpdate,
} from "@weft/xds";
import type { ClusterManager } from "../cluster/index.ts";
import type { StatsScope } from "../runtime/stats.ts";
import type { ConfigState } from "./config-state.ts";
import type { ApplyResources, Resources } from "./resources.ts";
import type { RouteStore } from "./route-store.ts";
import type { SecretSubscriptions } from "./secrets.ts";

/** Parts of {@link subscribeResources}. */
export interface SubscribeOptions {
  readonly client: XdsClient;
  readonly resources: Resources;
  readonly clusters: ClusterManager;
  readonly routes: RouteStore;
  readonly secrets: SecretSubscriptions;
  /** The process's scope. */
  readonly stats: StatsScope;
  readonly wantsClusters: boolean;
  readonly wantsListeners: boolean;
  /** 0 for no limit. */
  readonly initialFetchTimeoutMs: number;
  /** The first clusters and listeners are there and warm, or were not sent in time. Called once. */
  readonly onInitialized: () => void;
}

/**
 * Subscribes in Envoy's order: clusters; with them their endpoints; when all of the first clusters are warm,
 * listeners; with them their routes.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/init
 */
export function subscribeResources(options: SubscribeOptions): void {
  const { client, resources, clusters, routes, secrets, stats, initialFetchTimeoutMs } = options;
  const { state } = resources;

  const takeIn = async (
    update: XdsUpdate,
    apply: ApplyResources,
    scope: StatsScope,
    typeState: ConfigState,
    after: () => void,
  ): Promise<Verdict> => {
    scope.counter("update_attempt").inc();
    const errors = await apply(update.changed.values(), update.removed);
    after();
    if (errors.length > 0) {
      scope.counter("update_rejected").inc();
      return reject(errors.join("\n"));
    }
    typeState.version = update.version;
    scope.counter("update_success").inc();
    return accept;
  };

  const endpoints = client.subscribe(typeUrls.endpoint, {
    names: [],
    initialFetchTimeoutMs: 0,
    onUpdate: (update) =>
      takeIn(update, resources.applyEndpoints, stats.scope("cluster_manager.eds"), state.endpoints, () => {}),
  });
  const routeTables = client.subscribe(typeUrls.route, {
    names: [],
    initialFetchTimeoutMs: 0,
    onUpdate: async (update) => {
      const verdict = await takeIn(update, resources.applyRoutes, stats.scope("rds"), state.routes, () => {});
      if (!resources.discoversHosts) return verdict;
      // State of the world cannot say that a host is gone, so Envoy does not take it either.
      if (client.mode === "sotw") return reject("vhds: needs an incremental stream (DELTA_GRPC)");
      subscribeHosts();
      return verdict;
    },
  });
  let hosts: XdsClientSubscription | undefined;
  /** Envoy asks for no host by name, and so for those of all tables. */
  const subscribeHosts = once(() => {
    hosts = client.subscribe(typeUrls.virtualHost, {
      names: "*",
      initialFetchTimeoutMs: 0,
      onUpdate: (update) =>
        takeIn(update, resources.applyVirtualHosts, stats.scope("vhds"), state.virtualHosts, () => {}),
    });
  });
  const renewEndpointNames = () => {
    const names = clusters.serviceNames();
    for (const name of [...state.endpoints.records.keys()]) {
      if (names.has(name)) continue;
      clusters.forgetAssignment(name);
      state.endpoints.remove(name);
    }
    endpoints.setNames(names);
    secrets.setWanted(resources.secretRefs());
  };
  const renewRouteNames = () => {
    const names = resources.routeNames();
    routes.retain(names);
    // Should their table come back, they are needed again.
    const forgotten = resources.forgetRoutes(names);
    hosts?.forget(forgotten);
    routeTables.setNames(names);
    secrets.setWanted(resources.secretRefs());
  };

  const subscribeListeners = once(() => {
    if (!options.wantsListeners) {
      options.onInitialized();
      return;
    }
    const initialized = once(() => resources.whenListenersWarm(options.onInitialized));
    client.subscribe(typeUrls.listener, {
      names: "*",
      initialFetchTimeoutMs,
      onInitialFetchTimeout: initialized,
      onUpdate: async (update) => {
        const scope = stats.scope("listener_manager.lds");
        const verdict = await takeIn(
          update,
          resources.applyListeners,
          scope,
          state.listeners,
          renewRouteNames,
        );
        initialized();
        return verdict;
      },
    });
  });

  if (!options.wantsClusters) {
    subscribeListeners();
    return;
  }
  renewEndpointNames();
  client.subscribe(typeUrls.cluster, {
    names: "*",
    initialFetchTimeoutMs,
    onInitialFetchTimeout: subscribeListeners,
    onUpdate: async (update) => {
      const scope = stats.scope("cluster_manager.cds");
      const verdict = await takeIn(
        update,
        resources.applyClusters,
        scope,
        state.clusters,
        renewEndpointNames,
      );
      clusters.whenWarm(subscribeListeners);
      return verdict;
    },
  });
}

function once(fn: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    fn();
  };
}
