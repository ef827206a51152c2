import type {
  ConnectionPoolSettings,
  LoadBalancerSettings,
  LocalityLoadBalancerSetting,
  OutlierDetection,
  TrafficPolicy,
} from "@weft/istio-api";
import { each, type Findings } from "../findings.ts";
import { checkPort, isFqdn } from "../names.ts";
import { checkDuration, checkNotNegative, checkPercent, duplicates } from "../values.ts";
import { checkClientTls } from "./client-tls.ts";

/** Checks what applies to the traffic of a host or of a subset of it. */
export function checkTrafficPolicy(policy: TrafficPolicy, findings: Findings): void {
  if (Object.keys(policy).length === 0)
    findings.error("", "empty-policy", "is empty; set at least one field, or leave it out");
  checkSettings(policy, findings);
  each(policy.portLevelSettings, "portLevelSettings", findings, (settings, at) => {
    if (settings.port?.number === undefined)
      at.error("port.number", "missing-field", "is missing; it must be set");
    checkPort(settings.port?.number, "port.number", at);
    checkSettings(settings, at);
  });
  if (policy.tunnel) checkTunnel(policy.tunnel, findings.at("tunnel"));
}

type Settings = Pick<TrafficPolicy, "connectionPool" | "loadBalancer" | "outlierDetection" | "tls">;

function checkSettings(settings: Settings, findings: Findings): void {
  const { connectionPool, loadBalancer, outlierDetection, tls } = settings;
  if (connectionPool) checkConnectionPool(connectionPool, findings.at("connectionPool"));
  if (loadBalancer) checkLoadBalancer(loadBalancer, findings.at("loadBalancer"));
  if (outlierDetection) checkOutlierDetection(outlierDetection, findings.at("outlierDetection"));
  if (tls) checkClientTls(tls, findings.at("tls"));
}

/** Checks bounds of connections. */
export function checkConnectionPool({ http, tcp }: ConnectionPoolSettings, findings: Findings): void {
  if (http === undefined && tcp === undefined)
    findings.error("", "empty-policy", "is empty; set tcp or http, or leave it out");
  if (http) {
    const at = findings.at("http");
    checkNotNegative(http.http1MaxPendingRequests, "http1MaxPendingRequests", at);
    checkNotNegative(http.http2MaxRequests, "http2MaxRequests", at);
    checkNotNegative(http.maxRequestsPerConnection, "maxRequestsPerConnection", at);
    checkNotNegative(http.maxRetries, "maxRetries", at);
    checkNotNegative(http.maxConcurrentStreams, "maxConcurrentStreams", at);
    checkDuration(http.idleTimeout, "idleTimeout", at);
    if (http.h2UpgradePolicy === "UPGRADE" && http.useClientProtocol)
      at.error("useClientProtocol", "conflicting-fields", "must not be set beside h2UpgradePolicy UPGRADE");
    if (http.http2KeepAlive && http.http2KeepAlive.interval === undefined)
      at.error("http2KeepAlive.interval", "missing-field", "is missing; it must be set");
  }
  if (tcp) {
    const at = findings.at("tcp");
    checkNotNegative(tcp.maxConnections, "maxConnections", at);
    checkDuration(tcp.connectTimeout, "connectTimeout", at);
    checkDuration(tcp.maxConnectionDuration, "maxConnectionDuration", at);
    checkDuration(tcp.idleTimeout, "idleTimeout", at);
  }
}

function checkLoadBalancer(settings: LoadBalancerSettings, findings: Findings): void {
  const { consistentHash, localityLbSetting, warmupDurationSecs } = settings;
  if (warmupDurationSecs !== undefined)
    findings.warn("warmupDurationSecs", "deprecated-field", "is deprecated; use warmup");
  if (settings.simple === "LEAST_CONN")
    findings.warn("simple", "deprecated-value", "LEAST_CONN is deprecated; use LEAST_REQUEST");
  const cookie = consistentHash?.httpCookie;
  if (cookie) {
    if (cookie.name === "")
      findings.error("consistentHash.httpCookie.name", "missing-field", "must not be empty");
    for (const name of duplicates((cookie.attributes ?? []).map((attribute) => attribute.name)))
      findings.error("consistentHash.httpCookie.attributes", "duplicate", `"${name}" stands more than once`);
  }
  const tableSize = consistentHash?.maglev?.tableSize;
  if (tableSize !== undefined && !(isPrime(tableSize) && tableSize <= maxTableSize)) {
    const message = `${tableSize} is not a prime number up to ${maxTableSize}`;
    findings.error("consistentHash.maglev.tableSize", "invalid-number", message);
  }
  if (localityLbSetting) checkLocality(localityLbSetting, findings.at("localityLbSetting"));
}

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto#config-cluster-v3-cluster-maglevlbconfig */
const maxTableSize = 5_000_011;

function isPrime(number: number): boolean {
  if (number < 2) return false;
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return true;
}

function checkLocality(setting: LocalityLoadBalancerSetting, findings: Findings): void {
  const { distribute = [], failover = [], failoverPriority = [] } = setting;
  if (distribute.length > 0 && failover.length + failoverPriority.length > 0)
    findings.error("", "conflicting-fields", "distribute excludes failover and failoverPriority");
  each(distribute, "distribute", findings, ({ to = {} }, at) => {
    const weights = Object.values(to);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (total !== 100)
      at.error("to", "invalid-weight", `has weights that add up to ${total}; they must to 100`);
    if (weights.includes(0)) at.error("to", "invalid-weight", "has a weight of 0; leave such a locality out");
  });
  each(failover, "failover", findings, ({ from, to }, at) => {
    if (from === to)
      at.error("to", "invalid-locality", `"${to}" is the region it fails over from; name another`);
    if (`${from}${to}`.includes("/") || `${from}${to}`.includes("*"))
      at.error("", "invalid-locality", "must name regions, without zones and wildcards");
  });
}

function checkOutlierDetection(detection: OutlierDetection, findings: Findings): void {
  checkDuration(detection.interval, "interval", findings);
  checkDuration(detection.baseEjectionTime, "baseEjectionTime", findings);
  checkPercent(detection.maxEjectionPercent, "maxEjectionPercent", findings);
  checkPercent(detection.minHealthPercent, "minHealthPercent", findings);
  checkNotNegative(detection.consecutiveErrors, "consecutiveErrors", findings);
  if (detection.consecutiveErrors !== undefined) {
    const message = "is deprecated; use consecutiveGatewayErrors or consecutive5xxErrors";
    findings.warn("consecutiveErrors", "deprecated-field", message);
  }
  if (detection.consecutiveLocalOriginFailures && !detection.splitExternalLocalOriginErrors)
    findings.error(
      "consecutiveLocalOriginFailures",
      "missing-field",
      "needs splitExternalLocalOriginErrors: true, without which such failures are not told apart",
    );
}

function checkTunnel(tunnel: NonNullable<TrafficPolicy["tunnel"]>, findings: Findings): void {
  const { protocol, targetHost, targetPort } = tunnel;
  if (protocol !== undefined && protocol !== "CONNECT" && protocol !== "POST")
    findings.error(
      "protocol",
      "invalid-protocol",
      `"${protocol}" is not allowed; allowed are CONNECT and POST`,
    );
  if (!isFqdn(targetHost))
    findings.error(
      "targetHost",
      "invalid-host",
      `"${targetHost}" is not a host; allowed are DNS names and addresses`,
    );
  checkPort(targetPort, "targetPort", findings);
}
