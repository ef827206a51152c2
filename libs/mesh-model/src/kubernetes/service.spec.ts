import { defaultMeshConfig } from "@weft/istio-api";
import { aService } from "../testing/objects.ts";
import { toService } from "./service.ts";

const read = (options: Parameters<typeof aService>[1]) =>
  toService(aService("web", options), defaultMeshConfig, "v");

describe("toService()", () => {
  it("reads a ClusterIP service", () => {
    expect(read({ created: "2024-01-01T00:00:00Z" })).toEqual({
      hostname: "web.default.svc.cluster.local",
      name: "web",
      namespace: "default",
      ports: [{ name: "http", port: 80, protocol: "HTTP", targetPort: 8080 }],
      addresses: ["10.0.0.1"],
      resolution: "ClientSideLB",
      meshExternal: false,
      exportTo: { kind: "public" },
      labels: {},
      selector: { app: "web" },
      registry: "Kubernetes",
      createdAt: 1704067200000,
      version: "v",
    });
  });

  it.each([
    ["headless", { clusterIP: "None" }, { addresses: [], resolution: "Passthrough" }],
    ["dual stack", { clusterIPs: ["10.0.0.1", "fd00::1"] }, { addresses: ["10.0.0.1", "fd00::1"] }],
    [
      "ExternalName",
      { type: "ExternalName", externalName: "api.example.com", clusterIP: "" },
      { addresses: [], resolution: "Alias", aliasOf: "api.example.com", meshExternal: true },
    ],
    ["not ready published", { publishNotReadyAddresses: true }, { publishNotReadyAddresses: true }],
  ])("reads a service that is %s", (_what, spec, expected) => {
    expect(read({ spec })).toMatchObject(expected);
  });

  it("selects nothing with an empty selector", () => {
    expect(read({ spec: { selector: {} } })).not.toHaveProperty("selector");
  });

  it("takes the visibility from the annotation", () => {
    const annotations = { "networking.istio.io/exportTo": "., other" };
    expect(read({ annotations }).exportTo).toEqual({ kind: "namespaces", namespaces: ["default", "other"] });
  });
});
