import type { Endpoint, Service } from "@weft/mesh-model";
import { orders } from "@weft/testkit";
import { buildLocalities, identitiesOf } from "./build.ts";

function endpoint(address: string, over: Partial<Endpoint> = {}): Endpoint {
  return {
    address,
    port: 8000,
    servicePortName: "http",
    health: "HEALTHY",
    weight: 1,
    locality: { region: "r1", zone: "z1", subzone: "" },
    labels: {},
    namespace: "default",
    serviceAccount: "sa",
    workloadName: "w",
    canonicalName: "c",
    canonicalRevision: "v1",
    tlsMode: "disabled",
    clusterId: "Kubernetes",
    network: "",
    ...over,
  };
}

const service: Service = {
  hostname: "web.default.svc.cluster.local",
  name: "web",
  namespace: "default",
  ports: [],
  addresses: [],
  resolution: "ClientSideLB",
  meshExternal: false,
  exportTo: { kind: "public" },
  labels: {},
  registry: "Kubernetes",
  createdAt: 0,
  version: "",
};
const selection = { service, portName: "http" };
const addresses = (localities: ReturnType<typeof buildLocalities>) =>
  localities.map(({ endpoints }) => endpoints.map(({ address }) => address));

describe("buildLocalities()", () => {
  it("leaves out other ports, other subsets and what is not ready", () => {
    const endpoints = [
      endpoint("10.0.0.1", { labels: { version: "v1", extra: "x" } }),
      endpoint("10.0.0.2", { labels: { version: "v2" } }),
      endpoint("10.0.0.3", { labels: { version: "v1" }, servicePortName: "grpc" }),
      endpoint("10.0.0.4", { labels: { version: "v1" }, health: "UNHEALTHY" }),
      endpoint("10.0.0.5", { labels: { version: "v1" }, health: "DRAINING" }),
    ];
    expect(addresses(buildLocalities(endpoints, { ...selection, labels: { version: "v1" } }))).toEqual([
      ["10.0.0.1"],
    ]);
  });

  it("keeps what is not ready where the service publishes it", () => {
    const published = { ...service, publishNotReadyAddresses: true };
    expect(
      addresses(
        buildLocalities([endpoint("10.0.0.4", { health: "UNHEALTHY" })], {
          ...selection,
          service: published,
        }),
      ),
    ).toEqual([["10.0.0.4"]]);
  });

  it("names the workload, and health only where somebody watches it", () => {
    const [inside] = buildLocalities([endpoint("10.0.0.1", { tlsMode: "istio" })], selection);
    expect(inside?.endpoints).toEqual([
      {
        address: "10.0.0.1",
        port: 8000,
        weight: 1,
        health: "HEALTHY",
        takesMutualTls: true,
        workload: "w;default;c;v1;Kubernetes",
      },
    ]);
    const outside = endpoint("192.0.2.1", { workloadName: "", canonicalName: "", canonicalRevision: "" });
    const [external] = buildLocalities([outside], {
      ...selection,
      service: { ...service, registry: "External" },
    });
    expect(external?.endpoints).toEqual([
      { address: "192.0.2.1", port: 8000, weight: 1, takesMutualTls: false, workload: ";;;;Kubernetes" },
    ]);
  });

  const at = (address: string, region: string, zone: string, subzone = "") =>
    endpoint(address, { locality: { region, zone, subzone } });
  const spread = [
    at("1", "r1", "z1", "s1"),
    at("2", "r1", "z1", "s2"),
    at("3", "r1", "z2"),
    at("4", "r2", "z1"),
  ];

  it("orders localities by name, whatever the order of the endpoints", () => {
    for (const order of orders(spread))
      expect(
        buildLocalities(order, selection).map(({ region, zone, subzone }) => `${region}/${zone}/${subzone}`),
      ).toEqual(["r1/z1/s1", "r1/z1/s2", "r1/z2/", "r2/z1/"]);
  });

  it.each([
    ["r1", "z1", "s1", [0, 1, 2, 3]],
    // no gaps, where nothing is nearer
    ["r2", "z9", "", [1, 1, 1, 0]],
    ["r9", "", "", [0, 0, 0, 0]],
  ])("prefers what is near to %s/%s/%s", (region, zone, subzone, priorities) => {
    const built = buildLocalities(spread, { ...selection, preference: { near: { region, zone, subzone } } });
    expect(built.map(({ priority }) => priority)).toEqual(priorities);
  });
});

describe("identitiesOf()", () => {
  it("lists each identity once, in order", () => {
    const endpoints = ["b", "a", "b", ""].map((serviceAccount) => endpoint("10.0.0.1", { serviceAccount }));
    expect(identitiesOf(endpoints, { trustDomain: "td", trustDomainAliases: [] })).toEqual([
      "spiffe://td/ns/default/sa/a",
      "spiffe://td/ns/default/sa/b",
    ]);
  });

  it("lists them under every name of the trust domain", () => {
    const endpoints = [endpoint("10.0.0.1", { serviceAccount: "a" })];
    expect(identitiesOf(endpoints, { trustDomain: "td", trustDomainAliases: ["old"] })).toEqual([
      "spiffe://old/ns/default/sa/a",
      "spiffe://td/ns/default/sa/a",
    ]);
  });
});
