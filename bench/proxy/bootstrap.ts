/** The configuration that Envoy and Weft both run: one listener, one route, one cluster, the router. */
export function bootstrap(port: number, upstreamPort: number): object {
  const address = (portValue: number) => ({
    socket_address: { address: "127.0.0.1", port_value: portValue },
  });
  return {
    node: { id: "bench", cluster: "bench" },
    static_resources: {
      listeners: [
        {
          name: "bench",
          address: address(port),
          filter_chains: [{ filters: [connectionManager] }],
        },
      ],
      clusters: [
        {
          name: "upstream",
          type: "STATIC",
          connect_timeout: "1s",
          load_assignment: {
            cluster_name: "upstream",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstreamPort) } }] }],
          },
        },
      ],
    },
  };
}

const connectionManager = {
  name: "envoy.filters.network.http_connection_manager",
  typed_config: {
    "@type":
      "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: "bench",
    route_config: {
      name: "bench",
      virtual_hosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [{ match: { prefix: "/" }, route: { cluster: "upstream" } }],
        },
      ],
    },
    http_filters: [
      {
        name: "envoy.filters.http.router",
        typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
      },
    ],
  },
};
