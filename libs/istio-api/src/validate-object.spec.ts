import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { kinds } from "./kinds.ts";
import { validateObject } from "./validate-object.ts";

const object = (apiVersion: string, kind: string, spec: unknown) => ({
  apiVersion,
  kind,
  metadata: { name: "x", namespace: "shop" },
  spec,
});

describe("validateObject()", () => {
  it("spells paths as Kubernetes does, and names the object", () => {
    const route = { match: [{ uri: { exact: "/", prefix: "/" } }], retries: { attempt: 3 }, timeout: "5" };
    expect(
      validateObject(object("networking.istio.io/v1", "VirtualService", { hosts: ["a"], http: [route] })),
    ).toEqual([
      {
        severity: "error",
        code: "exclusive-fields",
        path: "spec.http[0].match[0].uri",
        message: "exact and prefix exclude each other; set one of them",
        object: {
          apiVersion: "networking.istio.io/v1",
          kind: "VirtualService",
          name: "x",
          namespace: "shop",
        },
      },
      expect.objectContaining({
        code: "unknown-field",
        path: "spec.http[0].retries.attempt",
        message: "unknown field; did you mean attempts?",
      }),
      expect.objectContaining({
        path: "spec.http[0].timeout",
        message: '"5" is not a duration; write a number with a unit, as 5s, 100ms or 1h',
      }),
    ]);
  });

  it.each([
    [
      "networking.istio.io/v1",
      "VirtualServices",
      "kind",
      '"VirtualServices" is not a kind of networking.istio.io; allowed are ServiceEntry, ',
    ],
    [
      "networking.istio.io/v2",
      "VirtualService",
      "apiVersion",
      '"networking.istio.io/v2" is not a version of VirtualService; allowed are networking.istio.io/v1, networking.istio.io/v1beta1, networking.istio.io/v1alpha3',
    ],
    ["networking.istio.io/v1", "EnvoyFilter", "apiVersion", "allowed are networking.istio.io/v1alpha3"],
  ])("refuses %s %s", (apiVersion, kind, path, message) => {
    expect(validateObject(object(apiVersion, kind, {}))).toMatchObject([
      { path, message: expect.stringContaining(message) },
    ]);
  });

  it.each([
    [{}, ["apiVersion", "kind"]],
    [null, [""]],
    ["text", [""]],
    [{ apiVersion: "v1", kind: "Service" }, ["metadata"]],
    [{ apiVersion: "v1", kind: "Service", metadata: {} }, ["metadata.name"]],
    [
      { apiVersion: "v1", kind: "Service", metadata: { name: "a/b", labels: { a: 1 } } },
      ["metadata.name", "metadata.labels[a]"],
    ],
    [
      { apiVersion: "v1", kind: "Service", metadata: { name: "a" }, spec: { ports: [{ port: "http" }] } },
      ["spec.ports[0].port"],
    ],
  ])("says of %j where it is no object", (value, paths) => {
    expect(validateObject(value).map(({ path }) => path)).toEqual(paths);
  });

  it("warns of a name that only Kubernetes would refuse", () => {
    expect(
      validateObject({ apiVersion: "v1", kind: "Service", metadata: { name: "BACKEND" } }),
    ).toMatchObject([
      {
        severity: "warning",
        path: "metadata.name",
        message: expect.stringContaining("Kubernetes would refuse"),
      },
    ]);
  });

  it("leaves kinds alone that Weft does not read", () => {
    expect(validateObject(object("apps/v1", "Deployment", { anything: 1 }))).toEqual([]);
    expect(validateObject(object("networking.k8s.io/v1", "Ingress", {}))).toEqual([]);
    expect(
      validateObject({ apiVersion: "install.istio.io/v1alpha1", kind: "IstioOperator", spec: {} }),
    ).toEqual([]);
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.jsonValue(), (kind, spec) =>
        Array.isArray(
          validateObject(object(`${kind.group ? `${kind.group}/` : ""}${kind.versions[0]}`, kind.kind, spec)),
        ),
      ),
    );
  });
});

/** The cases of the CRDs' own rules, where this machine has them. */
const file = join(
  process.env.WEFT_SHARED ?? join(process.cwd(), "../shared"),
  "conformance/validation-crd/cases.json",
);
const describeWhere = existsSync(file) ? describe : describe.skip;

describeWhere("conformance with Istio's CRDs", () => {
  it("agrees on every case", () => {
    const { cases } = JSON.parse(readFileSync(file, "utf8")) as {
      readonly cases: readonly { readonly id: string; readonly valid: boolean; readonly object: unknown }[];
    };
    expect(cases.length).toBeGreaterThan(20);
    expect(
      cases.filter((c) => (validateObject(c.object).length === 0) !== c.valid).map(({ id }) => id),
    ).toEqual([]);
  });
});
