export {
  createRawTransport,
  failedSocket,
  type RawTransportOptions,
  TransportSocketError,
  tlsNotAvailable,
} from "./raw-transport.ts";
export { createTcpProxy, type TcpProxyConfig } from "./tcp-proxy.ts";
