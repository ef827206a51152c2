export { type ConnectionLimitConfig, createConnectionLimit } from "./filters/connection-limit.ts";
export { createNetworkExtAuthz, type NetworkExtAuthzConfig } from "./filters/ext-authz.ts";
export { createConnectionRateLimit } from "./filters/local-ratelimit.ts";
export { createNetworkRbac, type NetworkRbacConfig } from "./filters/rbac.ts";
export { createSniForwardProxy } from "./filters/sni-forward-proxy.ts";
export { createProxyProtocolTransport } from "./proxy-protocol-transport.ts";
export { createRawTransport, type RawTransportOptions } from "./raw-transport.ts";
export { createTcpProxy, type TcpClusterChoice, type TcpProxyConfig } from "./tcp-proxy.ts";
