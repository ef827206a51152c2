import { socketAddress } from "./clusters.ts";

/** One path of a static listener and the static cluster it goes to. */
interface StaticRoute {
  readonly path: string;
  readonly cluster: string;
}

/** A listener on which the proxy serves one path of a static cluster, in Envoy's JSON. */
export function buildStaticListener(options: {
  readonly name: string;
  readonly statPrefix: string;
  readonly address: string;
  readonly port: number;
  readonly route: StaticRoute;
}): object {
  const { name, statPrefix, address, port, route } = options;
  return {
    name,
    address: socketAddress(address, port),
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type":
                "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
              codec_type: "AUTO",
              stat_prefix: statPrefix,
              route_config: {
                name: statPrefix,
                virtual_hosts: [
                  {
                    name: "backend",
                    domains: ["*"],
                    routes: [{ match: { prefix: route.path }, route: { cluster: route.cluster } }],
                  },
                ],
              },
              http_filters: [
                {
                  name: "envoy.filters.http.router",
                  typed_config: {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                  },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}
