import { buildNode } from "./node.ts";
import { buildNodeMetadata } from "./node-metadata.ts";
import { parseProxyConfig } from "./proxy-config.ts";

describe("buildNodeMetadata()", () => {
  it("reads ISTIO_META_*, ISTIO_METAJSON_* and the pod's variables", async () => {
    const { value: proxyConfig } = await parseProxyConfig('{"concurrency":1}');
    const env = {
      POD_NAME: "web-1",
      POD_NAMESPACE: "shop",
      SERVICE_ACCOUNT: "web",
      TRUST_DOMAIN: "example.org",
      ISTIO_META_INTERCEPTION_MODE: "NONE",
      ISTIO_META_POD_PORTS: '[{"containerPort":80}]',
      ISTIO_METAJSON_LABELS: '{"LABELS":{"app":"web"}}',
      ISTIO_METAJSON_MORE: '{"LABELS":{"version":"v1"},"EXTRA":[1]}',
      ISTIO_METAJSON_BROKEN: "{",
      HOME: "/root",
    };
    const { value, problems } = buildNodeMetadata(env, ["10.0.0.1", "10.0.0.2"], proxyConfig);
    expect(value).toEqual({
      NAME: "web-1",
      NAMESPACE: "shop",
      SERVICE_ACCOUNT: "web",
      TRUST_DOMAIN: "example.org",
      INTERCEPTION_MODE: "NONE",
      POD_PORTS: '[{"containerPort":80}]',
      LABELS: { app: "web", version: "v1" },
      EXTRA: [1],
      INSTANCE_IPS: "10.0.0.1,10.0.0.2",
      PROXY_CONFIG: { concurrency: 1 },
      CLUSTER_ID: "Kubernetes",
      MESH_ID: "example.org",
    });
    expect(problems.map(({ path, message }) => `${path} ${message}`)).toEqual([
      'ISTIO_METAJSON_BROKEN is not a JSON object: "{"',
    ]);
  });
});

describe("buildNode()", () => {
  const base = {
    role: "sidecar" as const,
    ip: "10.0.0.1",
    podName: "web-1",
    namespace: "shop",
    dnsDomain: "shop.svc.cluster.local",
    serviceCluster: "istio-proxy",
  };
  it("writes the id, the cluster and the locality", () => {
    const metadata = { LABELS: { app: "web", "istio-locality": "r.z.s" } };
    expect(buildNode({ ...base, metadata })).toEqual({
      id: "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local",
      cluster: "web.shop",
      locality: { region: "r", zone: "z", sub_zone: "s" },
      metadata,
    });
  });

  it.each([
    [{ WORKLOAD_NAME: "w" }, "istio-proxy", "w.shop"],
    [{}, "istio-proxy", "istio-proxy.shop"],
    [{ LABELS: { app: "web" } }, "given", "given"],
  ])("names the cluster of %j, %s: %s", (metadata, serviceCluster, cluster) => {
    expect(buildNode({ ...base, serviceCluster, metadata }).cluster).toBe(cluster);
  });
});

describe("parseProxyConfig()", () => {
  it("reads YAML and JSON alike", async () => {
    const yaml = await parseProxyConfig(
      "concurrency: 1\nterminationDrainDuration: 2s\nproxyStatsMatcher:\n  inclusionPrefixes: [a]\n",
    );
    const json = await parseProxyConfig(
      '{"concurrency":1,"terminationDrainDuration":"2s","proxyStatsMatcher":{"inclusionPrefixes":["a"]}}',
    );
    expect(yaml).toEqual(json);
    expect(yaml.problems).toEqual([]);
    expect(yaml.value).toMatchObject({
      concurrency: 1,
      terminationDrainDurationMs: 2000,
      proxyAdminPort: 15000,
    });
  });

  it("reports what is wrong and keeps the defaults", async () => {
    const { value, problems } = await parseProxyConfig(
      '{"concurrency":-1,"drainDuration":"soon","extraStatTags":"a","tracing":{},"statusPort":70000}',
    );
    expect(problems.map(({ severity, path, message }) => `${severity} ${path} ${message}`)).toEqual([
      "warning PROXY_CONFIG.tracing is not supported by this agent and has no effect",
      "error PROXY_CONFIG.concurrency must be a whole number from 0 to 1024, is -1",
      "error PROXY_CONFIG.statusPort must be a whole number from 0 to 65535, is 70000",
      'error PROXY_CONFIG.drainDuration must be a duration such as "5s", is "soon"',
      "error PROXY_CONFIG.extraStatTags must be a list of text",
    ]);
    expect(value).toMatchObject({
      concurrency: 2,
      drainDurationMs: 45_000,
      statusPort: 15020,
      extraStatTags: [],
    });
  });

  it.each(["[1]", "a: [", "{"])("gives the defaults for %j", async (text) => {
    const { value, problems } = await parseProxyConfig(text);
    expect([value.configPath, problems.length]).toEqual(["./etc/istio/proxy", 1]);
  });
});
