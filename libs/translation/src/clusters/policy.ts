import type {
  ConnectionPoolSettings,
  DestinationRule,
  OutlierDetection as IstioOutlierDetection,
  LoadBalancerSettings,
  MeshConfig,
  TrafficPolicy,
} from "@weft/istio-api";
import { durationMs } from "../durations.ts";
import {
  type HashPolicy,
  type Limits,
  type LoadBalancing,
  type OutlierDetection,
  type TcpKeepalive,
  unlimited,
  type Warmup,
} from "../ir/index.ts";

/** The parts of a traffic policy that a port cannot have of its own. */
const whole = ["proxyProtocol", "retryBudget"] as const;

/** What holds for a port of a subset. */
export type PortPolicy = Pick<TrafficPolicy, "loadBalancer" | "connectionPool" | "outlierDetection" | "tls"> &
  Pick<TrafficPolicy, (typeof whole)[number]>;

const parts = ["loadBalancer", "connectionPool", "outlierDetection", "tls"] as const;

/** A policy laid over another: its parts take the place of the other's; one for the port inherits only what no port can have. */
function overlay(base: PortPolicy, over: TrafficPolicy | undefined, port: number): PortPolicy {
  if (over === undefined) return base;
  const own = over.portLevelSettings?.find((settings) => settings.port?.number === port);
  const merged: { -readonly [K in keyof PortPolicy]: PortPolicy[K] } = own
    ? { ...own, ...Object.fromEntries(whole.flatMap((part) => (base[part] ? [[part, base[part]]] : []))) }
    : { ...base };
  for (const part of own ? whole : [...parts, ...whole])
    if (over[part] !== undefined) Object.assign(merged, { [part]: over[part] });
  return merged;
}

/** What a DestinationRule says of a port of its host, or of one subset of it. */
export function effectivePolicy(rule: DestinationRule | undefined, port: number, subset: string): PortPolicy {
  if (rule === undefined) return {};
  const base = overlay({}, rule.trafficPolicy, port);
  const own = subset === "" ? undefined : rule.subsets?.find(({ name }) => name === subset);
  return overlay(base, own?.trafficPolicy, port);
}

/** A threshold; 0 and below mean that none is set. */
function threshold(value: number | undefined): number {
  return value !== undefined && value > 0 ? value : unlimited;
}

/** Circuit-breaker thresholds. */
export function buildLimits(
  pool: ConnectionPoolSettings | undefined,
  budget?: TrafficPolicy["retryBudget"],
): Limits {
  const intervalMs = durationMs(budget?.budgetInterval);
  return {
    ...(budget
      ? {
          retryBudget: {
            percent: budget.percent ?? 20,
            minConcurrency: budget.minRetryConcurrency ?? 3,
            ...(intervalMs ? { intervalMs } : {}),
          },
        }
      : {}),
    maxConnections: threshold(pool?.tcp?.maxConnections),
    maxPendingRequests: threshold(pool?.http?.http1MaxPendingRequests),
    maxRequests: threshold(pool?.http?.http2MaxRequests),
    maxRetries: threshold(pool?.http?.maxRetries),
  };
}

/** Probes of idle connections, as the rule says, else the mesh; undefined where they are not asked for. */
export function buildKeepalive(
  pool: ConnectionPoolSettings | undefined,
  mesh: Pick<MeshConfig, "tcpKeepalive">,
): TcpKeepalive | undefined {
  const keepalive = pool?.tcp?.tcpKeepalive ?? mesh.tcpKeepalive;
  if (keepalive === undefined) return undefined;
  const seconds = (text: string | undefined) => {
    const ms = durationMs(text);
    return ms === undefined ? undefined : Math.floor(ms / 1000);
  };
  const time = seconds(keepalive.time);
  const interval = seconds(keepalive.interval);
  return {
    ...(keepalive.probes === undefined ? {} : { probes: keepalive.probes }),
    ...(time === undefined ? {} : { timeSeconds: time }),
    ...(interval === undefined ? {} : { intervalSeconds: interval }),
  };
}

/** How new endpoints are warmed up; undefined where they are not. */
function buildWarmup(settings: LoadBalancerSettings | undefined): Warmup | undefined {
  const { warmup, warmupDurationSecs } = settings ?? {};
  const windowMs = durationMs(warmup?.duration ?? warmupDurationSecs);
  if (windowMs === undefined) return undefined;
  if (warmup === undefined) return { windowMs };
  return { windowMs, aggression: warmup.aggression ?? 1, minimumPercent: warmup.minimumPercent ?? 10 };
}

/** How endpoints are chosen; `PASSTHROUGH` is told apart by the builder, for it changes the discovery. */
export function buildLoadBalancing(settings: LoadBalancerSettings | undefined): LoadBalancing {
  const hash = settings?.consistentHash;
  if (hash?.maglev)
    return hash.maglev.tableSize === undefined
      ? { kind: "maglev" }
      : { kind: "maglev", tableSize: hash.maglev.tableSize };
  if (hash)
    return {
      kind: "ring-hash",
      minimumRingSize: hash.ringHash?.minimumRingSize ?? hash.minimumRingSize ?? 1024,
    };
  const warmup = buildWarmup(settings);
  const warmed = warmup ? { warmup } : {};
  switch (settings?.simple) {
    case "RANDOM":
      return { kind: "random" };
    case "ROUND_ROBIN":
      return { kind: "round-robin", ...warmed };
    case "PASSTHROUGH":
      return { kind: "provided" };
    default:
      return { kind: "least-request", ...warmed };
  }
}

/** What requests are hashed by; empty where the load balancing does not hash. */
export function buildHashPolicies(settings: LoadBalancerSettings | undefined): readonly HashPolicy[] {
  const hash = settings?.consistentHash;
  if (hash === undefined) return [];
  if (hash.httpHeaderName !== undefined) return [{ kind: "header", name: hash.httpHeaderName }];
  if (hash.httpQueryParameterName !== undefined)
    return [{ kind: "query", name: hash.httpQueryParameterName }];
  if (hash.useSourceIp) return [{ kind: "source-ip" }];
  const cookie = hash.httpCookie;
  if (cookie === undefined) return [];
  const ttlMs = durationMs(cookie.ttl);
  return [
    {
      kind: "cookie",
      name: cookie.name,
      path: cookie.path ?? "",
      attributes: (cookie.attributes ?? []).map(({ name, value }) => ({ name, value: value ?? "" })),
      ...(ttlMs === undefined ? {} : { ttlMs }),
    },
  ];
}

/**
 * What the deprecated `consecutiveErrors` says in the words that took its place: errors of gateways count, and nothing else does. Where
 * one of these words stands as well, the old one is not heeded.
 */
function gatewayErrorsOnly({
  consecutiveErrors = 0,
  consecutive5xxErrors,
  consecutiveGatewayErrors,
}: IstioOutlierDetection):
  | Pick<IstioOutlierDetection, "consecutive5xxErrors" | "consecutiveGatewayErrors">
  | undefined {
  if (consecutiveErrors <= 0 || consecutive5xxErrors !== undefined || consecutiveGatewayErrors !== undefined)
    return undefined;
  return { consecutive5xxErrors: 0, consecutiveGatewayErrors: consecutiveErrors };
}

/** When endpoints are set aside; undefined where that is not asked for. */
export function buildOutlierDetection(
  settings: IstioOutlierDetection | undefined,
): OutlierDetection | undefined {
  if (settings === undefined) return undefined;
  const split = settings.splitExternalLocalOriginErrors === true;
  const interval = durationMs(settings.interval);
  const base = durationMs(settings.baseEjectionTime);
  const localOrigin = settings.consecutiveLocalOriginFailures ?? 0;
  const percent = settings.maxEjectionPercent ?? 0;
  const { consecutive5xxErrors, consecutiveGatewayErrors } = gatewayErrorsOnly(settings) ?? settings;
  return {
    minHealthPercent: Math.max(0, settings.minHealthPercent ?? 0),
    ...(consecutive5xxErrors === undefined ? {} : { consecutive5xx: consecutive5xxErrors }),
    ...(consecutiveGatewayErrors === undefined ? {} : { consecutiveGatewayErrors }),
    ...(split ? { splitLocalOriginErrors: true } : {}),
    ...(split && localOrigin > 0 ? { consecutiveLocalOriginFailures: localOrigin } : {}),
    ...(interval === undefined ? {} : { intervalMs: interval }),
    ...(base === undefined ? {} : { baseEjectionMs: base }),
    ...(percent > 0 ? { maxEjectionPercent: percent } : {}),
  };
}
