import type { Service } from "@weft/mesh-model";
import { serviceDomains, shortNames } from "./domains.ts";

describe("shortNames()", () => {
  it.each([
    ["web.default.svc.cluster.local", "default.svc.cluster.local", ["web", "web.default.svc", "web.default"]],
    ["web.other.svc.cluster.local", "default.svc.cluster.local", ["web.other", "web.other.svc"]],
    ["web.default.svc.other.domain", "default.svc.cluster.local", []],
    ["api.example.com", "default.svc.cluster.local", []],
    ["web.default.svc.cluster.local", "", []],
    ["default.svc.cluster.local", "default.svc.cluster.local", []],
  ])("of %s for a client in %s are %j", (host, domain, names) => {
    expect(shortNames(host, domain)).toEqual(names);
  });
});

function service(over: Partial<Service>): Service {
  return {
    hostname: "web.default.svc.cluster.local",
    name: "web",
    namespace: "default",
    ports: [],
    addresses: ["10.0.0.1"],
    resolution: "ClientSideLB",
    meshExternal: false,
    exportTo: { kind: "public" },
    labels: {},
    registry: "Kubernetes",
    createdAt: 0,
    version: "",
    ...over,
  };
}

describe("serviceDomains()", () => {
  const client = "default.svc.cluster.local";
  it("lists the full name with and without a dot, short names, then addresses", () => {
    expect(serviceDomains(service({}), { dnsDomain: client })).toEqual([
      "web.default.svc.cluster.local",
      "web.default.svc.cluster.local.",
      "web",
      "web.default.svc",
      "web.default",
      "10.0.0.1",
    ]);
  });

  it("puts the port behind each name where the port tells services apart", () => {
    const all = serviceDomains(service({ hostname: "a.example.com", addresses: ["2001:db8::1"] }), {
      dnsDomain: client,
      port: 80,
    });
    expect(all).toEqual([
      "a.example.com",
      "a.example.com:80",
      "a.example.com.",
      "a.example.com.:80",
      "[2001:db8::1]",
      "[2001:db8::1]:80",
    ]);
  });

  it("takes the names of a headless service's pods, and no ranges of addresses", () => {
    const all = serviceDomains(service({ resolution: "Passthrough", addresses: ["192.0.2.0/24"] }), {
      dnsDomain: "other.svc.cluster.local",
    });
    expect(all).toContain("*.web.default.svc.cluster.local");
    expect(all.join()).not.toContain("192.0.2");
  });

  it("takes the names of its aliases, too", () => {
    const all = serviceDomains(service({ addresses: [] }), {
      dnsDomain: "other.svc.cluster.local",
      aliases: ["alias.other.svc.cluster.local"],
    });
    expect(all).toEqual([
      "web.default.svc.cluster.local",
      "web.default.svc.cluster.local.",
      "web.default",
      "web.default.svc",
      "alias.other.svc.cluster.local",
      "alias.other.svc.cluster.local.",
      "alias",
      "alias.other.svc",
      "alias.other",
    ]);
  });
});
