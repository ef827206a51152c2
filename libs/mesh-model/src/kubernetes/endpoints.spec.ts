import { anObject, aPod } from "../testing/objects.ts";
import { podsOfSlice, readSlice } from "./endpoints.ts";
import { toWorkload } from "./workload.ts";

const slice = (endpoint: object, more: object = {}) =>
  anObject(
    "EndpointSlice",
    "web-1",
    {},
    {
      labels: { "kubernetes.io/service-name": "web" },
      body: {
        addressType: "IPv4",
        endpoints: [{ addresses: ["10.1.0.1"], ...endpoint }],
        ports: [{ name: "http", port: 8080 }],
        ...more,
      },
    },
  );
const pods = new Map(
  [aPod("web-1", "10.1.0.1", { labels: { app: "web", "topology.istio.io/network": "net-1" } })].map((pod) => [
    `default/${pod.metadata.name}`,
    toWorkload(pod, { "topology.kubernetes.io/region": "r", "topology.istio.io/subzone": "s" }),
  ]),
);
const read = (...args: Parameters<typeof slice>) =>
  readSlice(slice(...args), {
    clusterId: "east",
    pod: (namespace, name) => pods.get(`${namespace}/${name}`),
  });

describe("readSlice()", () => {
  it.each([
    [undefined, "HEALTHY"],
    [{}, "HEALTHY"],
    [{ ready: true }, "HEALTHY"],
    [{ ready: false }, "UNHEALTHY"],
    [{ ready: false, serving: true, terminating: true }, "DRAINING"],
    [{ ready: false, serving: false, terminating: true }, "UNHEALTHY"],
  ])("reads the conditions %j as %s", (conditions, health) => {
    expect(read(conditions ? { conditions } : {})).toMatchObject([{ health }]);
  });

  it("makes an endpoint of each address and port", () => {
    const ports = [{ name: "http", port: 80 }, { name: "any" }, { port: 81 }];
    expect(
      read({ addresses: ["10.1.0.1", "10.1.0.2"] }, { ports }).map(
        (e) => `${e.address}:${e.port} ${e.servicePortName}`,
      ),
    ).toEqual(["10.1.0.1:80 http", "10.1.0.1:81 ", "10.1.0.2:80 http", "10.1.0.2:81 "]);
  });

  it("says nothing of a workload it does not know", () => {
    expect(read({ nodeName: "n" })).toEqual([
      {
        address: "10.1.0.1",
        port: 8080,
        servicePortName: "http",
        health: "HEALTHY",
        weight: 1,
        locality: { region: "", zone: "", subzone: "" },
        labels: { "topology.istio.io/cluster": "east", "kubernetes.io/hostname": "n" },
        namespace: "",
        serviceAccount: "",
        workloadName: "",
        canonicalName: "",
        canonicalRevision: "",
        tlsMode: "disabled",
        clusterId: "east",
        network: "",
        nodeName: "n",
      },
    ]);
  });

  it("takes labels, place and network from the pod", () => {
    const targetRef = { kind: "Pod", name: "web-1", namespace: "default" };
    expect(read({ targetRef })).toMatchObject([
      {
        network: "net-1",
        podName: "web-1",
        nodeName: "node-a",
        labels: {
          app: "web",
          "topology.kubernetes.io/region": "r",
          "topology.istio.io/subzone": "s",
          "topology.istio.io/network": "net-1",
          "kubernetes.io/hostname": "node-a",
        },
      },
    ]);
  });

  it("leaves out names, and pods not known yet", () => {
    expect(read({ addresses: ["db.example.com"] }, { addressType: "FQDN" })).toEqual([]);
    expect(read({ targetRef: { kind: "Pod", name: "unknown" } })).toEqual([]);
    expect(read({}, { endpoints: null, ports: null })).toEqual([]);
  });
});

describe("podsOfSlice()", () => {
  it("names pods with their namespace, by default the slice's", () => {
    expect(podsOfSlice(slice({ targetRef: { kind: "Pod", name: "a" } }))).toEqual(["default/a"]);
    expect(podsOfSlice(slice({ targetRef: { kind: "Pod", name: "a", namespace: "b" } }))).toEqual(["b/a"]);
    expect(podsOfSlice(slice({ targetRef: { kind: "Node", name: "a" } }))).toEqual([]);
  });
});
