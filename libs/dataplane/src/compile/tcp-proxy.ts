import type { TcpProxy } from "@weft/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { xxHash64 } from "../cluster/index.ts";
import type { NetworkFilter } from "../runtime/connection.ts";
import type { AccessLogger } from "../runtime/stream-info.ts";
import { createTcpProxy } from "../tcp/index.ts";
import { compileAccessLogs } from "./access-log.ts";
import type { CompileEnvironment } from "./environment.ts";
import type { Problems } from "./problems.ts";
import { durationMs } from "./values.ts";

/** An hour, Envoy's idle timeout for TCP. */
const defaultIdleTimeoutMs = 3_600_000;

/** A TCP proxy, with the logs that it writes. */
export interface CompiledTcpProxy {
  readonly serve: NetworkFilter;
  readonly accessLogs: readonly AccessLogger[];
}

/** Compiles a TCP proxy whose fields are checked already. */
export function compileTcpProxy(
  message: TcpProxy,
  path: string,
  environment: CompileEnvironment,
  problems: Problems,
): CompiledTcpProxy | undefined {
  const pick = compilePick(message, path, problems);
  if (pick === undefined) return undefined;
  for (const [index, { policySpecifier }] of message.hashPolicy.entries()) {
    if (policySpecifier.case === "sourceIp") continue;
    problems.error(`${path}.hash_policy[${index}]`, "not-implemented", "only source_ip is implemented");
  }
  const { clock, random, clusters, stats } = environment;
  const accessLogs = compileAccessLogs(message.accessLog, `${path}.access_log`, environment, problems);
  const serve = createTcpProxy({
    pick,
    clusters,
    idleTimeoutMs: durationMs(message.idleTimeout, defaultIdleTimeoutMs),
    maxConnectionDurationMs: durationMs(message.maxDownstreamConnectionDuration, 0),
    maxConnectAttempts: message.maxConnectAttempts ?? 1,
    ...(message.hashPolicy.length > 0 && { hash: (info) => xxHash64(info.remoteAddress.address) }),
    accessLogs,
    stats: stats.scope(`tcp.${message.statPrefix}`),
    clock,
    random,
  });
  return { serve, accessLogs };
}

function compilePick(
  { clusterSpecifier: specifier }: TcpProxy,
  path: string,
  problems: Problems,
): ((random: number) => string) | undefined {
  switch (specifier.case) {
    case "cluster":
      return () => specifier.value;
    case "weightedClusters": {
      let total = 0;
      const choices = specifier.value.clusters.map(({ name, weight }) => {
        total += weight;
        return { name, upTo: total };
      });
      return (random) => choices.find(({ upTo }) => random * total < upTo)?.name ?? "";
    }
    default:
      problems.error(path, "not-implemented", "needs one of cluster, weighted_clusters");
      return undefined;
  }
}
