import { describeWithPeer, type JsonRecord, validateWithEnvoy } from "@weft/testkit";
import { buildNode } from "../node/node.ts";
import { buildNodeMetadata } from "../node/node-metadata.ts";
import { parseProxyConfig } from "../node/proxy-config.ts";
import { type BootstrapOptions, buildBootstrap } from "./build-bootstrap.ts";

async function optionsOf(
  proxyConfigText: string,
  role: "sidecar" | "router" = "sidecar",
): Promise<BootstrapOptions> {
  const { value: proxyConfig } = await parseProxyConfig(proxyConfigText);
  const instanceIps = ["10.0.0.1", "10.0.0.2"];
  const env = { POD_NAMESPACE: "shop", ISTIO_METAJSON_LABELS: '{"LABELS":{"app":"web"}}' };
  const metadata = buildNodeMetadata(env, instanceIps, proxyConfig);
  return {
    node: buildNode({
      role,
      ip: "10.0.0.1",
      podName: "web-1",
      namespace: "shop",
      dnsDomain: "shop.svc.cluster.local",
      serviceCluster: proxyConfig.serviceCluster,
      metadata: metadata.value,
    }),
    proxyConfig,
    instanceIps,
    ports: { admin: 15000, status: 15020, health: 15021, stats: 15090 },
    addresses: { local: "127.0.0.1", public: "0.0.0.0" },
    xdsSocket: "/etc/istio/proxy/XDS",
    sdsSocket: "/var/run/secrets/workload-spiffe-uds/socket",
  };
}

const rich = JSON.stringify({
  extraStatTags: ["my_tag"],
  proxyStatsMatcher: {
    inclusionPrefixes: ["http.{pod_ip}_"],
    inclusionSuffixes: ["x"],
    inclusionRegexps: [".*y"],
  },
  runtimeValues: { "re2.max_program_size.error_level": "", "envoy.some.flag": "true", "my.number": "5" },
});

describe("buildBootstrap()", () => {
  it("names the node, its admin API, and where it gets everything from", async () => {
    expect(buildBootstrap(await optionsOf("{}"))).toMatchObject({
      node: { id: "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local", cluster: "web.shop" },
      admin: { address: { socket_address: { address: "127.0.0.1", port_value: 15000 } } },
      dynamic_resources: {
        cds_config: { ads: {}, initial_fetch_timeout: "0s" },
        lds_config: { ads: {}, initial_fetch_timeout: "0s" },
        ads_config: {
          api_type: "DELTA_GRPC",
          set_node_on_first_message_only: true,
          grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
        },
      },
      static_resources: {
        clusters: [
          { name: "prometheus_stats" },
          { name: "agent" },
          { name: "sds-grpc" },
          { name: "xds-grpc", type: "STATIC" },
        ],
        listeners: [
          { address: { socket_address: { address: "0.0.0.0", port_value: 15090 } } },
          { address: { socket_address: { address: "0.0.0.0", port_value: 15021 } } },
        ],
      },
    });
  });

  it("takes stats and runtime values from ProxyConfig", async () => {
    const { stats_config, layered_runtime } = buildBootstrap(await optionsOf(rich)) as {
      stats_config: {
        stats_tags: { tag_name: string }[];
        stats_matcher: { inclusion_list: { patterns: object[] } };
      };
      layered_runtime: { layers: { static_layer: object }[] };
    };
    expect(stats_config.stats_tags.map((tag) => tag.tag_name)).toContain("my_tag");
    expect(stats_config.stats_matcher.inclusion_list.patterns).toEqual(
      expect.arrayContaining([
        { prefix: "http.10.0.0.1_" },
        { prefix: "http.10.0.0.2_" },
        { suffix: "x" },
        { safe_regex: { regex: ".*y" } },
        { prefix: "cluster_manager" },
      ]),
    );
    expect(layered_runtime.layers[0]?.static_layer).toEqual({
      "overload.global_downstream_max_connections": "2147483647",
      "envoy.reloadable_features.http_reject_path_with_fragment": false,
      "envoy.some.flag": true,
      "my.number": "5",
    });
  });

  describeWithPeer("envoy", "is taken by real Envoy", () => {
    it.each([
      ["a sidecar", "{}", "sidecar"],
      ["a router", "{}", "router"],
      ["all of ProxyConfig", rich, "sidecar"],
    ] as const)("for %s", async (_, proxyConfig, role) => {
      const bootstrap = buildBootstrap(await optionsOf(proxyConfig, role)) as JsonRecord;
      expect(await validateWithEnvoy({ bootstrap })).toEqual([]);
    });
  });
});
