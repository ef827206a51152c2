import { BootstrapError, compileBootstrap, parseBootstrap } from "./index.ts";

const compile = (json: object) => compileBootstrap(parseBootstrap([JSON.stringify(json)]));

describe("parseBootstrap()", () => {
  it("reads JSON and YAML, and lays one over the other", () => {
    const bootstrap = parseBootstrap([
      '{"node": {"id": "a", "cluster": "c"}, "static_resources": {"clusters": [{"name": "x"}]}}',
      "node:\n  id: b\nstatic_resources:\n  clusters:\n  - name: y\n",
    ]);
    expect(bootstrap.node).toMatchObject({ id: "b", cluster: "c" });
    expect(bootstrap.staticResources?.clusters.map(({ name }) => name)).toEqual(["x", "y"]);
  });

  it.each([
    ['{"node": ', "not valid JSON"],
    ["a: [", "not valid YAML"],
    ['{"node": {"idd": "x"}}', "node.idd"],
    [
      '{"admin": {"address": {"socket_address": {"port_value": "x"}}}}',
      "admin.address.socket_address.port_value",
    ],
  ])("says what is wrong with %s", (text, message) => {
    expect(() => parseBootstrap([text])).toThrow(BootstrapError);
    expect(() => parseBootstrap([text])).toThrow(message);
  });
});

describe("compileBootstrap()", () => {
  const source = { ads: {}, resource_api_version: "V3" };
  const dynamic = (apiType: string, address: object) => ({
    dynamic_resources: {
      ads_config: { api_type: apiType, grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }] },
      cds_config: { ...source, initial_fetch_timeout: "0s" },
      lds_config: source,
    },
    static_resources: {
      clusters: [
        {
          name: "xds-grpc",
          load_assignment: {
            cluster_name: "xds-grpc",
            endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
          },
        },
      ],
    },
  });

  it.each([
    ["DELTA_GRPC", { pipe: { path: "./etc/istio/XDS" } }, { address: "unix:./etc/istio/XDS", mode: "delta" }],
    [
      "GRPC",
      { socket_address: { address: "10.0.0.1", port_value: 15010 } },
      { address: "10.0.0.1:15010", mode: "sotw" },
    ],
    [
      "GRPC",
      { socket_address: { address: "::1", port_value: 15010 } },
      { address: "[::1]:15010", mode: "sotw" },
    ],
  ])("finds the management server: %s %j", (apiType, address, expected) => {
    const { value, problems } = compile(dynamic(apiType, address));
    expect(problems).toEqual([]);
    expect(value.ads).toMatchObject({
      ...expected,
      clusters: true,
      listeners: true,
      initialFetchTimeoutMs: 0,
    });
  });

  it("says which cluster it looked for", () => {
    const { problems } = compile({ ...dynamic("GRPC", {}), static_resources: {} });
    expect(problems).toMatchObject([
      {
        path: "dynamic_resources.ads_config.grpc_services[0].envoy_grpc.cluster_name",
        message: 'there is no static cluster "xds-grpc" with an endpoint',
      },
    ]);
  });

  it("compiles Istio's statistics settings", () => {
    const { value, problems } = compile({
      stats_config: {
        use_all_default_tags: false,
        stats_tags: [
          { tag_name: "cluster_name", regex: "^cluster\\.((.+?(\\..+?\\.svc\\.cluster\\.local)?);\\.)" },
        ],
        stats_matcher: {
          inclusion_list: {
            patterns: [{ prefix: "cluster_manager" }, { safe_regex: { regex: "server.*" } }],
          },
        },
      },
    });
    expect(problems).toEqual([]);
    expect(value.tagRules.map(({ name }) => name)).toEqual(["cluster_name"]);
    expect(["cluster_manager.x", "server.live", "http.x"].map(value.acceptsStat)).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("accepts what changes nothing, and says so", () => {
    expect(compile({ layered_runtime: { layers: [] }, overload_manager: {} }).problems).toMatchObject([
      { severity: "warning", path: "layered_runtime" },
      { severity: "warning", path: "overload_manager" },
    ]);
  });
});
