import { parseObjects, snapshotOf, viewOf } from "../testing/mesh.ts";
import { buildExtensions } from "./build.ts";

const plugin = (spec: object) => ({
  apiVersion: "extensions.istio.io/v1alpha1",
  kind: "WasmPlugin",
  metadata: { name: "p", namespace: "shop" },
  spec,
});

const lua = (phase: string) => ({
  apiVersion: "extensions.istio.io/v1alpha1",
  kind: "TrafficExtension",
  metadata: { name: "l", namespace: "shop" },
  spec: { phase, lua: { inlineCode: "x = 1" } },
});

function codes(object: object, node: { extensions?: string[]; metadata?: object } = {}): readonly string[] {
  const snapshot = snapshotOf(parseObjects([object]));
  const id = "sidecar~10.0.0.9~web-1.shop~shop.svc.cluster.local";
  return buildExtensions(viewOf(snapshot, { id, ...node } as never)).map(({ code }) => code.kind); // a node's input
}

const url = "oci://example.com/p:v1";
const wasm = ["envoy.filters.http.wasm"];
const ofIstio = { metadata: { ISTIO_VERSION: "1.29.0" } };

describe("buildExtensions()", () => {
  it.each([
    ["denies where a token check cannot run", { url, phase: "AUTHN" }, ["deny"]],
    ["denies where a policy cannot run", { url, phase: "AUTHZ", failStrategy: "FAIL_CLOSE" }, ["deny"]],
    ["denies where it could be loaded again", { url, phase: "AUTHZ", failStrategy: "FAIL_RELOAD" }, ["deny"]],
    ["leaves out what may fail", { url, phase: "AUTHN", failStrategy: "FAIL_OPEN" }, []],
    ["leaves out what decides nothing", { url, phase: "STATS" }, []],
  ])("%s", (_, spec, kinds) => {
    expect(codes(plugin(spec))).toEqual(kinds);
    expect(codes(plugin(spec), { extensions: wasm })).toEqual(kinds);
    expect(codes(plugin(spec), { extensions: wasm, ...ofIstio })).toEqual(["wasm"]);
  });

  it("lets any proxy with the filter read modules from its own files", () => {
    expect(codes(plugin({ url: "file:///p.wasm" }), { extensions: wasm })).toEqual(["wasm"]);
  });

  it("asks for the filter of the layer that the code looks at", () => {
    expect(codes(plugin({ url, phase: "AUTHN", type: "NETWORK" }), { extensions: wasm, ...ofIstio })).toEqual(
      ["deny"],
    );
  });

  it("denies where Lua before policies cannot run", () => {
    expect(codes(lua("AUTHZ"))).toEqual(["deny"]);
    expect(codes(lua("STATS"))).toEqual([]);
    expect(codes(lua("AUTHZ"), { extensions: ["envoy.filters.http.lua"] })).toEqual(["lua"]);
  });
});
