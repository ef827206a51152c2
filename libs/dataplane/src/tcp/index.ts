export { createNetworkRbac, type NetworkRbacConfig } from "./filters/rbac.ts";
export { createRawTransport, type RawTransportOptions } from "./raw-transport.ts";
export { createTcpProxy, type TcpProxyConfig } from "./tcp-proxy.ts";
