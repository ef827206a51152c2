/** Type URLs of the xDS resources, by Envoy's short names; https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol */
export const typeUrls = {
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  endpoint: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  route: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  secret: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
  extensionConfig: "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
  /** Istio's own: answers for DNS queries, https://istio.io/latest/docs/ops/configuration/traffic-management/dns-proxy/ */
  nameTable: "type.googleapis.com/istio.networking.nds.v1.NameTable",
  virtualHost: "type.googleapis.com/envoy.config.route.v3.VirtualHost",
} as const;

/** One of the resource type URLs in {@link typeUrls}. */
export type TypeUrl = (typeof typeUrls)[keyof typeof typeUrls];
