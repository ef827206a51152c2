import {
  type Cluster,
  Cluster_LbPolicy,
  type Cluster_LbSubsetConfig,
  Cluster_LbSubsetConfig_LbSubsetFallbackPolicy,
  Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy,
  Cluster_RingHashLbConfig_HashFunction,
  type Cluster_SlowStartConfig,
} from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import type { LoadBalancerConfig, SlowStartConfig, SubsetConfig } from "../runtime/cluster-config.ts";
import type { Problems } from "./problems.ts";
import { durationMs } from "./values.ts";

/** Compiles how a cluster balances, with Envoy's defaults. */
export function compileLoadBalancer(message: Cluster, problems: Problems): LoadBalancerConfig {
  const { lbPolicy, lbConfig, commonLbConfig } = message;
  const byHostname = commonLbConfig?.consistentHashingLbConfig?.useHostnameForHashing ?? false;
  switch (lbPolicy) {
    case Cluster_LbPolicy.ROUND_ROBIN:
      return {
        kind: "round-robin",
        ...(lbConfig.case === "roundRobinLbConfig" && compileSlowStart(lbConfig.value.slowStartConfig)),
      };
    case Cluster_LbPolicy.RANDOM:
      return { kind: "random" };
    case Cluster_LbPolicy.LEAST_REQUEST: {
      const config = lbConfig.case === "leastRequestLbConfig" ? lbConfig.value : undefined;
      return {
        kind: "least-request",
        choices: config?.choiceCount ?? 2,
        activeRequestBias: config?.activeRequestBias?.defaultValue ?? 1,
        ...compileSlowStart(config?.slowStartConfig),
      };
    }
    case Cluster_LbPolicy.RING_HASH: {
      const ring = lbConfig.case === "ringHashLbConfig" ? lbConfig.value : undefined;
      if (ring !== undefined && ring.hashFunction !== Cluster_RingHashLbConfig_HashFunction.XX_HASH) {
        problems.error("ring_hash_lb_config.hash_function", "not-implemented", "only XX_HASH is implemented");
      }
      return {
        kind: "ring-hash",
        minimumRingSize: Number(ring?.minimumRingSize ?? 1024n),
        maximumRingSize: Number(ring?.maximumRingSize ?? 8_388_608n),
        byHostname,
      };
    }
    case Cluster_LbPolicy.MAGLEV: {
      const tableSize = lbConfig.case === "maglevLbConfig" ? lbConfig.value.tableSize : undefined;
      return { kind: "maglev", tableSize: Number(tableSize ?? 65_537n), byHostname };
    }
    case Cluster_LbPolicy.CLUSTER_PROVIDED:
      return { kind: "on-demand" };
    default:
      problems.error("lb_policy", "not-implemented", "this way to balance load is not implemented");
      return { kind: "round-robin" };
  }
}

function compileSlowStart(message: Cluster_SlowStartConfig | undefined): {
  readonly slowStart?: SlowStartConfig;
} {
  const windowMs = durationMs(message?.slowStartWindow, 0);
  if (windowMs === 0) return {};
  return {
    slowStart: {
      windowMs,
      aggression: message?.aggression?.defaultValue ?? 1,
      minWeightPercent: message?.minWeightPercent?.value ?? 10,
    },
  };
}

/** Compiles a cluster's subsets; undefined where it has none. */
export function compileSubsets(message: Cluster_LbSubsetConfig | undefined): SubsetConfig | undefined {
  if (message === undefined || message.subsetSelectors.length === 0) return undefined;
  return {
    selectors: message.subsetSelectors.map(({ keys, fallbackPolicy, fallbackKeysSubset }) => {
      const fallback = selectorFallback(fallbackPolicy, fallbackKeysSubset);
      return { keys, ...(fallback !== undefined && { fallback }) };
    }),
    fallback: fallbackOf(message.fallbackPolicy),
    defaultSubset: message.defaultSubset ?? {},
    listAsAny: message.listAsAny,
    panicModeAny: message.panicModeAny,
  };
}

function fallbackOf(policy: Cluster_LbSubsetConfig_LbSubsetFallbackPolicy): SubsetConfig["fallback"] {
  switch (policy) {
    case Cluster_LbSubsetConfig_LbSubsetFallbackPolicy.NO_FALLBACK:
      return "none";
    case Cluster_LbSubsetConfig_LbSubsetFallbackPolicy.ANY_ENDPOINT:
      return "any";
    case Cluster_LbSubsetConfig_LbSubsetFallbackPolicy.DEFAULT_SUBSET:
      return "default";
  }
}

function selectorFallback(
  policy: Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy,
  keys: readonly string[],
): SubsetConfig["selectors"][number]["fallback"] {
  const policies = Cluster_LbSubsetConfig_LbSubsetSelector_LbSubsetSelectorFallbackPolicy;
  switch (policy) {
    case policies.NOT_DEFINED:
      return undefined;
    case policies.NO_FALLBACK:
      return "none";
    case policies.ANY_ENDPOINT:
      return "any";
    case policies.DEFAULT_SUBSET:
      return "default";
    case policies.KEYS_SUBSET:
      return { keys };
  }
}
