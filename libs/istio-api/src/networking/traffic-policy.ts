import { duration, durationOrZero } from "../schema/scalars.ts";
import {
  boolean,
  double,
  type Infer,
  integer,
  list,
  map,
  message,
  oneOfWords,
  required,
  string,
  unsigned,
} from "../schema/schema.ts";

/** Bounds of the connections to a host. Also used by Sidecar for the connections to the workload itself. */
export const connectionPoolSettings = message({
  tcp: message({
    maxConnections: integer(),
    connectTimeout: duration(),
    tcpKeepalive: message({ probes: unsigned(), time: duration(), interval: duration() }),
    maxConnectionDuration: duration(),
    idleTimeout: durationOrZero(),
  }),
  http: message({
    http1MaxPendingRequests: integer(),
    http2MaxRequests: integer(),
    maxRequestsPerConnection: integer(),
    maxRetries: integer(),
    idleTimeout: duration(),
    h2UpgradePolicy: oneOfWords("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"),
    useClientProtocol: boolean(),
    maxConcurrentStreams: integer(),
    http2KeepAlive: message({ interval: duration(), timeout: duration() }),
  }),
});

const consistentHash = message(
  {
    httpHeaderName: string(),
    httpCookie: message({
      name: required(string()),
      path: string(),
      ttl: durationOrZero(),
      attributes: list(message({ name: required(string()), value: string() })),
    }),
    useSourceIp: boolean(),
    httpQueryParameterName: string(),
    ringHash: message({ minimumRingSize: unsigned() }),
    maglev: message({ tableSize: unsigned() }),
    minimumRingSize: unsigned(),
  },
  {
    oneOf: [
      ["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"],
      ["ringHash", "maglev"],
    ],
  },
);

const failover = list(message({ from: string(), to: string() }));

/** Order of preference between localities. Also part of MeshConfig. */
export const localityLoadBalancerSetting = message({
  distribute: list(message({ from: string(), to: map(unsigned()) })),
  failover,
  failoverPriority: list(string()),
  enabled: boolean(),
});

const loadBalancerSettings = message(
  {
    simple: oneOfWords("UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"),
    consistentHash,
    localityLbSetting: localityLoadBalancerSetting,
    zoneAwareLbSetting: message({
      enabled: boolean(),
      failover,
      failoverPriority: list(string()),
      minClusterSize: integer(1),
    }),
    warmupDurationSecs: duration(),
    warmup: message({
      duration: required(duration()),
      minimumPercent: double(0, 100),
      aggression: double(0),
    }),
  },
  { oneOf: [["simple", "consistentHash"]] },
);

const outlierDetection = message({
  splitExternalLocalOriginErrors: boolean(),
  consecutiveLocalOriginFailures: unsigned(),
  consecutiveGatewayErrors: unsigned(),
  consecutive5xxErrors: unsigned(),
  consecutiveErrors: integer(),
  outlierDetectionHttpErrorCodes: list(integer(100, 599)),
  interval: duration(),
  baseEjectionTime: duration(),
  maxEjectionPercent: integer(),
  minHealthPercent: integer(),
});

/** How a client does TLS to a host. */
export const clientTLSSettings = message({
  mode: oneOfWords("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"),
  clientCertificate: string(),
  privateKey: string(),
  caCertificates: string(),
  credentialName: string(),
  subjectAltNames: list(string()),
  sni: string(),
  insecureSkipVerify: boolean(),
  caCrl: string(),
});

const perPortFields = {
  loadBalancer: loadBalancerSettings,
  connectionPool: connectionPoolSettings,
  outlierDetection,
  tls: clientTLSSettings,
};

const portTrafficPolicy = message({ port: message({ number: unsigned() }), ...perPortFields });

/** What applies to the traffic of a host or of a subset of it. */
export const trafficPolicy = message({
  ...perPortFields,
  portLevelSettings: list(portTrafficPolicy, { max: 4096 }),
  tunnel: message({
    protocol: string(),
    targetHost: required(string()),
    targetPort: required(unsigned()),
  }),
  proxyProtocol: message({ version: oneOfWords("V1", "V2") }),
  retryBudget: message({
    percent: double(0, 100),
    minRetryConcurrency: unsigned(),
    budgetInterval: durationOrZero(),
  }),
});

/** What applies to the traffic of a host or of a subset of it. */
export type TrafficPolicy = Infer<typeof trafficPolicy>;
/** What applies to one port in place of the policy around it. */
export type PortTrafficPolicy = Infer<typeof portTrafficPolicy>;
/** Bounds of the connections and requests to a host. */
export type ConnectionPoolSettings = Infer<typeof connectionPoolSettings>;
/** How endpoints are chosen. */
export type LoadBalancerSettings = Infer<typeof loadBalancerSettings>;
/** Order of preference between localities. */
export type LocalityLoadBalancerSetting = Infer<typeof localityLoadBalancerSetting>;
/** When an endpoint is left out for a while because it fails. */
export type OutlierDetection = Infer<typeof outlierDetection>;
/** How a client does TLS to a host. */
export type ClientTLSSettings = Infer<typeof clientTLSSettings>;
