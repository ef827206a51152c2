import type { MeshObject } from "@weft/mesh-model";
import { localiseEvent } from "./local-source.ts";

const object = (apiVersion: string, kind: string, spec: object): MeshObject => ({
  apiVersion,
  kind,
  metadata: { name: "x", namespace: "default", labels: {}, annotations: {} },
  body: { spec },
});

describe("localiseEvent()", () => {
  it("binds the servers of a Gateway to loopback, unless they are bound already", () => {
    const gateway = object("networking.istio.io/v1", "Gateway", {
      servers: [{ hosts: ["*"] }, { bind: "127.0.0.2" }],
    });
    expect(localiseEvent({ kind: "upsert", object: gateway })).toMatchObject({
      object: { body: { spec: { servers: [{ hosts: ["*"], bind: "127.0.0.1" }, { bind: "127.0.0.2" }] } } },
    });
  });

  it.each([
    ["v1", "Service"],
    ["apps/v1", "Deployment"],
  ])("leaves out %s %s, which the mesh makes itself", (apiVersion, kind) => {
    expect(localiseEvent({ kind: "upsert", object: object(apiVersion, kind, {}) })).toBeUndefined();
  });

  it("says nothing of local.yaml, which is this lib's own", () => {
    expect(localiseEvent({ kind: "problems", origin: "/shop/local.yaml", problems: [] })).toBeUndefined();
  });

  it.each([
    { kind: "upsert", object: object("networking.istio.io/v1", "VirtualService", {}) } as const,
    { kind: "upsert", object: object("gateway.networking.k8s.io/v1", "HTTPRoute", {}) } as const,
    { kind: "synced" } as const,
    { kind: "problems", origin: "a.yaml", problems: [] } as const,
  ])("hands on $kind as it is", (event) => {
    expect(localiseEvent(event)).toBe(event);
  });
});
