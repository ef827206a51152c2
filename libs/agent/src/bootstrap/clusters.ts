/** A static cluster of one address, in Envoy's JSON. */
export type StaticCluster = Readonly<Record<string, unknown>>;

const http2 = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    explicit_http_config: { http2_protocol_options: {} },
  },
};

const staticCluster = (
  name: string,
  connectTimeout: string,
  address: object,
  more: object = {},
): StaticCluster => ({
  name,
  type: "STATIC",
  connect_timeout: connectTimeout,
  lb_policy: "ROUND_ROBIN",
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
  ...more,
});

/** A TCP address in Envoy's JSON. */
export const socketAddress = (address: string, port: number): object => ({
  socket_address: { protocol: "TCP", address, port_value: port },
});

/** A cluster of one TCP address. */
export const tcpCluster = (name: string, address: string, port: number): StaticCluster =>
  staticCluster(name, "0.250s", socketAddress(address, port));

/** The SDS server on its Unix socket. */
export const sdsCluster = (path: string): StaticCluster =>
  staticCluster("sds-grpc", "1s", { pipe: { path } }, { typed_extension_protocol_options: http2 });

/** The agent's xDS relay on its Unix socket. One stream must never be refused for a limit: the thresholds are out of reach. */
export const xdsCluster = (path: string): StaticCluster => {
  const limits = { max_connections: 100_000, max_pending_requests: 100_000, max_requests: 100_000 };
  return staticCluster(
    "xds-grpc",
    "1s",
    { pipe: { path } },
    {
      circuit_breakers: {
        thresholds: [
          { priority: "DEFAULT", ...limits },
          { priority: "HIGH", ...limits },
        ],
      },
      typed_extension_protocol_options: http2,
    },
  );
};
