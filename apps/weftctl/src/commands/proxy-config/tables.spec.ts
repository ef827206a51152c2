import { clusterTable, selectClusters } from "./clusters.ts";
import { readConfigDump } from "./config-dump.ts";
import { endpointTable, readEndpoints, selectEndpoints } from "./endpoints.ts";
import { listenerTable, selectListeners } from "./listeners.ts";
import { describeDomains, routeTable, selectRoutes } from "./routes.ts";

const origin = (kind: string, name: string) => ({
  filter_metadata: { istio: { config: `/apis/networking.istio.io/v1/namespaces/default/${kind}/${name}` } },
});
const hcm = (config: object) => ({
  filters: [
    {
      name: "envoy.filters.network.http_connection_manager",
      typed_config: {
        "@type":
          "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        ...config,
      },
    },
  ],
});
const tcp = (config: object) => ({
  filters: [
    {
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        ...config,
      },
    },
  ],
});
const address = (ip: string, port: number) => ({ socket_address: { address: ip, port_value: port } });

const listener = {
  name: "0.0.0.0_9080",
  address: address("0.0.0.0", 9080),
  filter_chains: [
    {
      filter_chain_match: { transport_protocol: "raw_buffer", application_protocols: ["http/1.1", "h2c"] },
      ...hcm({ rds: { route_config_name: "9080" } }),
    },
    {
      filter_chain_match: {
        server_names: ["a.example"],
        destination_port: 9081,
        prefix_ranges: [{ address_prefix: "10.0.0.0", prefix_len: 8 }],
      },
      ...tcp({
        weighted_clusters: {
          clusters: [
            { name: "one", weight: 90 },
            { name: "two", weight: 10 },
          ],
        },
      }),
    },
  ],
  default_filter_chain: tcp({ cluster: "PassthroughCluster" }),
};
const inbound = {
  name: "virtualInbound",
  address: address("0.0.0.0", 15006),
  filter_chains: [
    hcm({
      route_config: {
        virtual_hosts: [
          { domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "inbound|9080||" } }] },
        ],
      },
    }),
  ],
};
const dump = {
  configs: [
    {
      "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
      static_clusters: [{ cluster: { name: "xds-grpc", type: "STATIC" } }],
      dynamic_active_clusters: [
        {
          cluster: {
            name: "outbound|9080|v1|reviews.default.svc.cluster.local",
            type: "EDS",
            metadata: origin("destination-rule", "reviews"),
          },
        },
        { cluster: { name: "inbound|9080||", type: "ORIGINAL_DST" } },
      ],
    },
    {
      "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
      dynamic_listeners: [
        { name: "virtualInbound", active_state: { listener: inbound } },
        { name: "0.0.0.0_9080", active_state: { listener } },
        { name: "warming", warming_state: { listener } },
      ],
    },
    {
      "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump",
      dynamic_route_configs: [
        {
          last_updated: "2026-01-02T03:04:05.000Z",
          route_config: {
            name: "9080",
            virtual_hosts: [
              {
                name: "reviews.default.svc.cluster.local:9080",
                domains: [
                  "reviews.default.svc.cluster.local",
                  "reviews",
                  "reviews:9080",
                  "reviews.default",
                  "10.0.0.1",
                ],
                routes: [
                  {
                    match: {
                      prefix: "/",
                      headers: [{ name: "end-user", string_match: { exact: "jason" } }],
                    },
                    metadata: origin("virtual-service", "reviews"),
                  },
                  { match: { safe_regex: { regex: "/v[0-9]+" } }, direct_response: { status: 404 } },
                ],
              },
            ],
          },
        },
        { route_config: { name: "80", virtual_hosts: [] } },
      ],
    },
  ],
};
const read = readConfigDump(dump);

describe("clusterTable()", () => {
  it("has istioctl's columns", () => {
    expect(clusterTable(selectClusters(read.clusters, {}))).toBe(`\
SERVICE FQDN                        PORT   SUBSET   DIRECTION   TYPE           DESTINATION RULE
                                    9080   -        inbound     ORIGINAL_DST
reviews.default.svc.cluster.local   9080   v1       outbound    EDS            reviews.default
xds-grpc                            -      -        -           STATIC
`);
  });

  it.each([
    [{ fqdn: "reviews" }, ["outbound|9080|v1|reviews.default.svc.cluster.local"]],
    [{ direction: "inbound" }, ["inbound|9080||"]],
    [{ port: 9080, subset: "v1" }, ["outbound|9080|v1|reviews.default.svc.cluster.local"]],
    [{ port: 908 }, []],
  ])("selects by %j", (filter, names) => {
    expect(selectClusters(read.clusters, filter).map(({ name }) => name)).toEqual(names);
  });
});

describe("listenerTable()", () => {
  it("has a row for each filter chain", () => {
    expect(listenerTable(selectListeners(read.listeners, {}), true)).toBe(`\
ADDRESSES   PORT    MATCH                                   DESTINATION
0.0.0.0     9080    Trans: raw_buffer; App: HTTP            Route: 9080
0.0.0.0     9080    SNI: a.example; Addr: 10.0.0.0/8:9081   Cluster: one weight: 90; Cluster: two weight: 10
0.0.0.0     9080    ALL                                     PassthroughCluster
0.0.0.0     15006   ALL                                     Cluster: inbound|9080||
`);
  });

  it("has a row for each listener where it is not verbose, and selects by port and type", () => {
    expect(listenerTable(selectListeners(read.listeners, { type: "http+tcp" }), false)).toBe(
      "ADDRESSES   PORT   TYPE\n0.0.0.0     9080   HTTP+TCP\n",
    );
    expect(selectListeners(read.listeners, { port: 15006 }).map(({ name }) => name)).toEqual([
      "virtualInbound",
    ]);
    expect(selectListeners(read.listeners, { address: "127.0.0.1" })).toEqual([]);
  });
});

describe("routeTable()", () => {
  it("has a row for each route", () => {
    expect(routeTable(selectRoutes(read.routes, { name: "9080" }))).toBe(`\
NAME   VHOST NAME                               DOMAINS                                MATCH                 VIRTUAL SERVICE
9080   reviews.default.svc.cluster.local:9080   reviews, reviews.default + 1 more...   /* end-user = jason   reviews.default
9080   reviews.default.svc.cluster.local:9080   reviews, reviews.default + 1 more...   regex /v[0-9]+        404
`);
  });

  it("sorts ports as numbers", () => {
    expect(selectRoutes(read.routes, {}).map(({ name }) => name)).toEqual(["80", "9080"]);
  });
});

describe("describeDomains()", () => {
  it.each([
    [["*"], "*"],
    [["a", "a:80"], "a"],
    [["10.0.0.1:80", "abcdefghijk:80"], "abcdefghijk:80, 10.0.0.1:80"],
    [
      ["a.b.svc.cluster.local", "a.b.svc.cluster.local.", "a.b", "a", "a.b.svc", "10.0.0.1"],
      "a, a.b + 1 more...",
    ],
  ])("shows %j as %s", (domains, shown) => {
    expect(describeDomains(domains)).toBe(shown);
  });
});

describe("endpointTable()", () => {
  const clusters = {
    cluster_statuses: [
      {
        name: "one",
        host_statuses: [
          {
            address: address("10.0.0.2", 80),
            health_status: { eds_health_status: "HEALTHY", failed_outlier_check: true },
          },
          { address: address("10.0.0.1", 80), health_status: { eds_health_status: "DRAINING" } },
          { address: { pipe: { path: "/x" } }, health_status: {} },
        ],
      },
    ],
  };
  it("tells health and outliers", () => {
    expect(endpointTable(selectEndpoints(readEndpoints(clusters), {}))).toBe(`\
ENDPOINT      STATUS     OUTLIER CHECK   CLUSTER
10.0.0.1:80   DRAINING   OK              one
10.0.0.2:80   HEALTHY    FAILED          one
unix:///x     HEALTHY    OK              one
`);
  });

  it("selects by health", () => {
    expect(selectEndpoints(readEndpoints(clusters), { status: "draining" })).toHaveLength(1);
  });
});

describe("readConfigDump()", () => {
  it.each([{}, [], "x", null])("does not take %j", (value) => {
    expect(() => readConfigDump(value)).toThrow("this is no config dump");
  });
});
