import type { Metadata } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type {
  TcpProxy,
  TcpProxy_TunnelingConfig,
} from "@weft/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { compileFormat, FormatError } from "../access-log/index.ts";
import { xxHash64 } from "../cluster/index.ts";
import { mutateHeaders } from "../http/header-mutation.ts";
import type { NetworkFilter } from "../runtime/connection.ts";
import { HeaderMap } from "../runtime/headers.ts";
import { RequestHead } from "../runtime/request.ts";
import type { AccessLogger, StreamFormatter } from "../runtime/stream-info.ts";
import { createTcpProxy, type TcpClusterChoice, type TcpProxyConfig } from "../tcp/index.ts";
import { compileAccessLogs } from "./access-log.ts";
import { subsetCriteria } from "./endpoints.ts";
import type { CompileEnvironment } from "./environment.ts";
import type { Problems } from "./problems.ts";
import { compileHeaderAdditions } from "./route/header-options.ts";
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
  const { clock, random, clusters, stats, onFault } = environment;
  const accessLogs = compileAccessLogs(message.accessLog, `${path}.access_log`, environment, problems);
  const serve = createTcpProxy({
    pick,
    clusters,
    logsOnConnected:
      message.accessLogOptions?.flushAccessLogOnConnected ?? message.flushAccessLogOnConnected ?? false,
    logIntervalMs: durationMs(
      message.accessLogOptions?.accessLogFlushInterval ?? message.accessLogFlushInterval,
      0,
    ),
    idleTimeoutMs: durationMs(message.idleTimeout, defaultIdleTimeoutMs),
    maxConnectionDurationMs: durationMs(message.maxDownstreamConnectionDuration, 0),
    maxConnectAttempts: message.maxConnectAttempts ?? 1,
    ...(message.hashPolicy.length > 0 && { hash: (info) => xxHash64(info.remoteAddress.address) }),
    ...compileTunnel(message.tunnelingConfig, `${path}.tunneling_config`, environment, problems),
    accessLogs,
    stats: stats.scope(`tcp.${message.statPrefix}`),
    onFault,
    clock,
    random,
  });
  return { serve, accessLogs };
}

function compilePick(
  { clusterSpecifier: specifier, metadataMatch }: TcpProxy,
  path: string,
  problems: Problems,
): ((random: number) => TcpClusterChoice) | undefined {
  const choiceOf = (cluster: string, own?: Metadata): TcpClusterChoice => {
    const subset = subsetCriteria(metadataMatch, own);
    return { cluster, ...(subset !== undefined && { subset }) };
  };
  switch (specifier.case) {
    case "cluster": {
      const choice = choiceOf(specifier.value);
      return () => choice;
    }
    case "weightedClusters": {
      let total = 0;
      const choices = specifier.value.clusters.map(({ name, weight, metadataMatch: own }) => {
        total += weight;
        return { choice: choiceOf(name, own), upTo: total };
      });
      return (random) => choices.find(({ upTo }) => random * total < upTo)?.choice ?? choiceOf("");
    }
    default:
      problems.error(path, "not-implemented", "needs one of cluster, weighted_clusters");
      return undefined;
  }
}

/** https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades#tunneling-tcp-over-http */
function compileTunnel(
  message: TcpProxy_TunnelingConfig | undefined,
  path: string,
  { openTunnel }: CompileEnvironment,
  problems: Problems,
): Pick<TcpProxyConfig, "tunnel"> {
  if (message === undefined) return {};
  const { usePost, postPath } = message;
  if (postPath !== "" && !usePost)
    problems.error(`${path}.post_path`, "conflict", "can only be given together with use_post");
  const headers = compileHeaderAdditions(message.headersToAdd, `${path}.headers_to_add`, problems);
  let hostname: StreamFormatter;
  try {
    hostname = compileFormat(message.hostname, "");
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    problems.error(`${path}.hostname`, "invalid-format", error.message);
    return {};
  }
  return {
    tunnel: (cluster, host, info) => {
      const head = new RequestHead(
        usePost ? "POST" : "CONNECT",
        usePost ? postPath || "/" : "",
        hostname(info),
        "HTTP/1.1",
        new HeaderMap(),
      );
      if (!usePost) head.upgrade = "connect";
      if (headers !== undefined) mutateHeaders(head.headers, [headers], info);
      return openTunnel(cluster, host, head, info.connection);
    },
  };
}
