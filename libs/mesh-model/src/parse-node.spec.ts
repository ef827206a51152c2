import { deepFreeze } from "@weft/base";
import fc from "fast-check";
import { parseNode } from "./parse-node.ts";

const id = "sidecar~10.1.0.1~web-1.shop~shop.svc.cluster.local";

describe("parseNode()", () => {
  it("reads id and metadata", () => {
    const metadata = deepFreeze({
      CLUSTER_ID: "east",
      NAMESPACE: "shop",
      LABELS: { app: "web", replicas: 2 },
      SERVICE_ACCOUNT: "web",
      ISTIO_VERSION: "1.29.0",
      INTERCEPTION_MODE: "TPROXY",
      MESH_ID: "mesh",
      INSTANCE_IPS: "10.1.0.1, fd00::1",
      WORKLOAD_NAME: "web",
      HTTP_PROXY_PORT: "15080",
    });
    const { value, problems } = parseNode({ id, metadata, extensions: ["envoy.filters.http.router"] });
    expect(problems).toEqual([]);
    expect(value).toEqual({
      id,
      type: "sidecar",
      capturesDns: false,
      ipAddresses: ["10.1.0.1", "fd00::1"],
      name: "web-1.shop",
      podName: "web-1",
      namespace: "shop",
      dnsDomain: "shop.svc.cluster.local",
      labels: { app: "web", replicas: "2" },
      serviceAccount: "web",
      clusterId: "east",
      meshId: "mesh",
      network: "",
      interceptionMode: "TPROXY",
      workloadName: "web",
      istioVersion: "1.29.0",
      extensions: ["envoy.filters.http.router"],
      httpProxyPort: 15080,
      metadata,
      locality: { region: "", zone: "", subzone: "" },
    });
  });

  it("makes do with an id alone", () => {
    const { value } = parseNode({ id: "router~10.1.0.2~gw.istio-system~istio-system.svc.cluster.local" });
    expect(value).toMatchObject({
      type: "router",
      namespace: "istio-system",
      clusterId: "Kubernetes",
      interceptionMode: "REDIRECT",
      labels: {},
    });
    expect(value).not.toHaveProperty("extensions");
  });

  it.each([
    ["web-1", '"web-1" is not a node id; it is type~IP~name.namespace~namespace.svc.domain'],
    ["sidecar~10.1.0.1~web.shop", "is not a node id"],
    ["sidecar~10.1.0.1~a.b~c~d", "is not a node id"],
    ["toaster~10.1.0.1~a.b~b.svc", '"toaster" is not a type of node; allowed are sidecar and router'],
    [
      "sidecar~nowhere~a.b~b.svc",
      '"nowhere" is not an IP address, and the metadata has none in INSTANCE_IPS',
    ],
  ])("rejects %s", (bad, message) => {
    const { value, problems } = parseNode({ id: bad });
    expect(value).toBeUndefined();
    expect(problems).toEqual([
      expect.objectContaining({ severity: "error", message: expect.stringContaining(message) }),
    ]);
  });

  it("warns of metadata of the wrong type and goes on", () => {
    const { value, problems } = parseNode({
      id,
      metadata: { LABELS: [1], HTTP_PROXY_PORT: 70000, NETWORK: {} },
    });
    expect(value).toMatchObject({ labels: {}, network: "" });
    expect(problems.map(({ severity, path }) => `${severity} ${path}`)).toEqual([
      "warning metadata.HTTP_PROXY_PORT",
      "warning metadata.LABELS",
      "warning metadata.NETWORK",
    ]);
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.jsonValue()), (text, metadata) => {
        const { value, problems } = parseNode({ id: text, metadata });
        return value !== undefined || problems.length > 0;
      }),
    );
  });
});
