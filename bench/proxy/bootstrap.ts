/** Certificates for {@link bootstrap}, in PEM. */
export interface MeshIdentity {
  readonly chain: string;
  readonly key: string;
  readonly root: string;
  readonly uri: string;
  /** Where the second listener takes connections. */
  readonly port: number;
}

/** What is measured, besides the proxy itself. */
export interface Scenario {
  /** A second hop with mutual TLS between, as two sidecars have it, both in the process that is measured. */
  readonly mesh?: MeshIdentity;
  /** Clients speak HTTP/2. */
  readonly http2In: boolean;
  /** The first hop passes on by HTTP/2. */
  readonly http2Out: boolean;
}

/** The configuration that Envoy and Weft both run: one listener, one route, one cluster, the router. */
export function bootstrap(port: number, upstreamPort: number, { mesh, http2Out }: Scenario): object {
  const plain = [listener("bench", port, "upstream")];
  return {
    node: { id: "bench", cluster: "bench" },
    static_resources: {
      listeners:
        mesh === undefined
          ? plain
          : [
              listener("outbound", port, "sidecar"),
              listener("inbound", mesh.port, "upstream", downstreamTls(mesh)),
            ],
      clusters: [
        cluster("upstream", upstreamPort, mesh === undefined && http2Out),
        ...(mesh === undefined ? [] : [cluster("sidecar", mesh.port, http2Out, upstreamTls(mesh, http2Out))]),
      ],
    },
  };
}

const address = (portValue: number) => ({
  socket_address: { address: "127.0.0.1", port_value: portValue },
});

const listener = (name: string, port: number, to: string, transportSocket?: object) => ({
  name,
  address: address(port),
  filter_chains: [
    {
      filters: [connectionManager(to)],
      ...(transportSocket !== undefined && { transport_socket: transportSocket }),
    },
  ],
});

const http2Options = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    explicit_http_config: { http2_protocol_options: {} },
  },
};

const cluster = (name: string, port: number, http2: boolean, transportSocket?: object) => ({
  name,
  type: "STATIC",
  connect_timeout: "1s",
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
  },
  ...(http2 && { typed_extension_protocol_options: http2Options }),
  ...(transportSocket !== undefined && { transport_socket: transportSocket }),
});

const tlsSocket = (
  kind: string,
  { chain, key, root, uri }: MeshIdentity,
  protocols: readonly string[],
  more: object,
) => ({
  name: "envoy.transport_sockets.tls",
  typed_config: {
    "@type": `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${kind}TlsContext`,
    common_tls_context: {
      alpn_protocols: protocols,
      tls_certificates: [
        { certificate_chain: { inline_string: chain }, private_key: { inline_string: key } },
      ],
      validation_context: {
        trusted_ca: { inline_string: root },
        match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: uri } }],
      },
      tls_params: { tls_minimum_protocol_version: "TLSv1_3", tls_maximum_protocol_version: "TLSv1_3" },
    },
    ...more,
  },
});
const downstreamTls = (mesh: MeshIdentity) =>
  tlsSocket("Downstream", mesh, ["h2", "http/1.1"], { require_client_certificate: true });
const upstreamTls = (mesh: MeshIdentity, http2: boolean) =>
  tlsSocket("Upstream", mesh, [http2 ? "h2" : "http/1.1"], { sni: "bench" });

const connectionManager = (to: string) => ({
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
          routes: [{ match: { prefix: "/" }, route: { cluster: to } }],
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
});
