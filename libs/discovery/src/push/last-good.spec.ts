import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { type ResourceSet, typeUrls, type WithheldResource } from "@weft/envoy-api";
import { VirtualHostSchema } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { createResourceSet, encodeResource } from "@weft/xds";
import { createLastGood } from "./last-good.ts";

const cluster = (name: string, content = 1) =>
  encodeResource(name, typeUrls.cluster, new Uint8Array([8, content]));
const table = (hosts: Readonly<Record<string, readonly string[]>>) =>
  encodeResource(
    "80",
    typeUrls.route,
    toBinary(
      RouteConfigurationSchema,
      create(RouteConfigurationSchema, {
        name: "80",
        virtualHosts: Object.entries(hosts).map(([name, domains]) => ({ name, domains: [...domains] })),
      }),
    ),
  );
const without = (set: ResourceSet, ...withheld: readonly Partial<WithheldResource>[]): ResourceSet => ({
  ...set,
  withheld: withheld.map((one) => ({
    typeUrl: typeUrls.cluster,
    name: "",
    reason: "bad",
    origin: [],
    ...one,
  })),
});
const hostsIn = (set: ResourceSet) => {
  const { value } = fromBinary(AnySchema, set.ofType(typeUrls.route).get("80")?.any ?? new Uint8Array());
  return fromBinary(RouteConfigurationSchema, value).virtualHosts.map(({ name, domains }) => [
    name,
    ...domains,
  ]);
};

describe("createLastGood()", () => {
  it("leaves a set alone from which nothing is withheld, or of which nothing is known", () => {
    const lastGood = createLastGood();
    const set = createResourceSet([cluster("a")]);
    expect(lastGood.fill("n", set, createResourceSet([cluster("b")]))).toBe(set);
    const bad = without(set, { name: "b" });
    expect(lastGood.fill("n", bad, undefined)).toBe(bad);
    expect(lastGood.fill("n", bad, createResourceSet([]))).toBe(bad);
  });

  it("keeps the last good resource for as long as it is withheld, in order of names", () => {
    const lastGood = createLastGood();
    const before = createResourceSet([cluster("a"), cluster("b", 7), cluster("c")]);
    const bad = without(createResourceSet([cluster("a", 2), cluster("c")]), { name: "b" });
    const first = lastGood.fill("n", bad, before);
    expect([...first.ofType(typeUrls.cluster).keys()]).toEqual(["a", "b", "c"]);
    expect(first.ofType(typeUrls.cluster).get("b")).toBe(before.ofType(typeUrls.cluster).get("b"));
    expect(first.version).not.toBe(bad.version);
    expect(first.withheld).toBe(bad.withheld);
    const again = lastGood.fill("n", without(createResourceSet([]), { name: "b" }), first);
    expect([...again.ofType(typeUrls.cluster).keys()]).toEqual(["b"]);
    const gone = createResourceSet([]);
    expect(lastGood.fill("n", gone, again)).toBe(gone);
  });

  it("gives proxies that share their sets one result", () => {
    const lastGood = createLastGood();
    const before = createResourceSet([cluster("b")]);
    const bad = without(createResourceSet([]), { name: "b" });
    expect(lastGood.fill("one", bad, before)).toBe(lastGood.fill("other", bad, before));
  });

  it("puts the last good virtual host into the new table, but not where its domains are taken", () => {
    const lastGood = createLastGood();
    const before = createResourceSet([table({ a: ["a"], b: ["b"], c: ["c"] })]);
    const bad = without(
      createResourceSet([table({ a: ["A2", "C"] })]),
      { typeUrl: typeUrls.route, name: "80", part: "b" },
      { typeUrl: typeUrls.route, name: "80", part: "c" },
      { typeUrl: typeUrls.route, name: "80", part: "unheard-of" },
    );
    expect(hostsIn(lastGood.fill("n", bad, before))).toEqual([
      ["a", "A2", "C"],
      ["b", "b"],
    ]);
  });

  it("keeps a virtual host that is a resource, but not where its domains are taken in its table", () => {
    const lastGood = createLastGood();
    const host = (name: string, ...domains: string[]) =>
      encodeResource(
        name,
        typeUrls.virtualHost,
        toBinary(VirtualHostSchema, create(VirtualHostSchema, { name, domains })),
      );
    const before = createResourceSet([host("80/a", "a"), host("80/b", "b")]);
    const bad = without(
      createResourceSet([host("80/c", "B"), host("90/a", "a")]),
      { typeUrl: typeUrls.virtualHost, name: "80/a" },
      { typeUrl: typeUrls.virtualHost, name: "80/b" },
    );
    const names = [...lastGood.fill("n", bad, before).ofType(typeUrls.virtualHost).keys()];
    expect(names).toEqual(["80/a", "80/c", "90/a"]);
  });

  it("gives a proxy that comes back the same bytes", () => {
    const lastGood = createLastGood();
    const bad = without(createResourceSet([]), { name: "b" });
    const had = lastGood.fill("n", bad, createResourceSet([cluster("b")]));
    lastGood.left("n", had);
    expect(lastGood.fill("other", bad, undefined)).toBe(bad);
    const back = lastGood.fill("n", bad, undefined);
    expect(back.version).toBe(had.version);
    expect(back.ofType(typeUrls.cluster).get("b")).toBe(had.ofType(typeUrls.cluster).get("b"));
  });
});
