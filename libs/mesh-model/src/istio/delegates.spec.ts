import type { HTTPMatchRequest, HTTPRoute } from "@weft/istio-api";
import { anObject, snapshotOf } from "../testing/objects.ts";
import { mergeMatches } from "./merge-matches.ts";

const to = (host: string) => [{ destination: { host } }];
const virtualService = (name: string, spec: object, namespace = "default") =>
  anObject("VirtualService", name, spec, { namespace });
const root = (...http: readonly object[]) => virtualService("root", { hosts: ["web"], http });
const merged = (...objects: Parameters<typeof snapshotOf>[0]): readonly HTTPRoute[] => {
  const all = snapshotOf(objects).configs.virtualServices;
  expect(all.map(({ name }) => name)).toEqual(["root"]);
  return all[0]?.spec.http ?? [];
};

describe("mergeDelegates()", () => {
  it("puts the delegate's routes in place, with what the root says beside", () => {
    const http = [
      {
        name: "a",
        match: [{ uri: { prefix: "/a/b" } }],
        route: to("a"),
        headers: { request: { set: { y: "2", z: "3" } } },
      },
      { route: to("rest"), timeout: "1s" },
    ];
    const outer = {
      name: "r",
      match: [{ uri: { prefix: "/a" }, headers: { h: { exact: "v" } } }],
      delegate: { name: "d", namespace: "shop" },
      timeout: "5s",
      headers: { request: { set: { x: "1", y: "1" }, remove: ["q"] } },
    };
    expect(merged(root(outer, { route: to("last") }), virtualService("d", { http }, "shop"))).toEqual([
      {
        name: "r-a",
        match: [{ uri: { prefix: "/a/b" }, headers: { h: { exact: "v" } } }],
        route: to("a.shop.svc.cluster.local"),
        timeout: "5s",
        headers: { request: { set: { x: "1", y: "2", z: "3" }, add: {}, remove: ["q"] } },
      },
      {
        name: "r",
        match: outer.match,
        route: to("rest.shop.svc.cluster.local"),
        timeout: "1s",
        headers: outer.headers,
      },
      { route: to("last.default.svc.cluster.local") },
    ]);
  });

  it.each([
    ["is missing", []],
    ["is of another namespace", [virtualService("d", { http: [{ route: to("a") }] }, "shop")]],
  ])("leaves a route as it is whose delegate %s", (_what, delegates) => {
    const outer = { match: [{ uri: { prefix: "/a" } }], delegate: { name: "d" } };
    expect(merged(root(outer, { route: to("last") }), ...delegates)).toEqual([
      { ...outer, delegate: { name: "d", namespace: "default" } },
      { route: to("last.default.svc.cluster.local") },
    ]);
  });

  it("leaves a route out whose delegate contradicts the root", () => {
    const delegate = virtualService("d", { http: [{ match: [{ uri: { exact: "/b" } }], route: to("a") }] });
    const outer = { match: [{ uri: { prefix: "/a" } }], delegate: { name: "d" } };
    expect(merged(root(outer, { route: to("last") }), delegate)).toEqual([
      { route: to("last.default.svc.cluster.local") },
    ]);
  });

  it("does not see a delegate that is not exported", () => {
    const hidden = virtualService("d", { exportTo: ["."], http: [{ route: to("a") }] }, "shop");
    const outer = { delegate: { name: "d", namespace: "shop" } };
    expect(merged(root(outer), hidden)).toEqual([outer]);
  });

  it("changes the version with the delegate", () => {
    const version = (timeout: string) =>
      snapshotOf([
        root({ delegate: { name: "d" } }),
        virtualService("d", { http: [{ route: to("a"), timeout }] }),
      ]).configs.virtualServices[0]?.version;
    expect(version("1s")).not.toBe(version("2s"));
  });
});

describe("mergeMatches()", () => {
  it.each<[string, HTTPMatchRequest, HTTPMatchRequest, HTTPMatchRequest | undefined]>([
    ["prefix in prefix", { uri: { prefix: "/a" } }, { uri: { prefix: "/a/b" } }, { uri: { prefix: "/a/b" } }],
    ["exact in prefix", { uri: { prefix: "/a" } }, { uri: { exact: "/a" } }, { uri: { exact: "/a" } }],
    ["prefix of prefix", { uri: { prefix: "/a/b" } }, { uri: { prefix: "/a" } }, undefined],
    ["prefix in exact", { uri: { exact: "/a" } }, { uri: { prefix: "/a" } }, undefined],
    ["regexes", { uri: { regex: ".*" } }, { uri: { exact: "/a" } }, undefined],
    ["other cases", { uri: { prefix: "/a" }, ignoreUriCase: true }, { uri: { prefix: "/a" } }, undefined],
    [
      "other headers",
      { headers: { a: { exact: "1" } } },
      { headers: { b: { exact: "2" } } },
      { headers: { a: { exact: "1" }, b: { exact: "2" } } },
    ],
    ["one header", { headers: { a: { exact: "1" } } }, { headers: { a: { exact: "2" } } }, undefined],
    ["ports", { port: 80 }, { port: 81 }, undefined],
    ["labels", { sourceLabels: { a: "1" } }, { sourceLabels: { a: "2" } }, undefined],
    ["names", { name: "r", port: 80 }, { name: "d" }, { name: "r-d", port: 80 }],
  ])("%s", (_what, outer, inner, expected) => {
    expect(mergeMatches([outer], [inner])).toEqual(expected && [expected]);
  });

  it("takes the other side where one matches everything, and every pair where both match", () => {
    const [a, b, c] = [{ port: 1 }, { sourceNamespace: "x" }, { sourceNamespace: "y" }];
    expect(mergeMatches([], [a])).toEqual([a]);
    expect(mergeMatches([a], [])).toEqual([a]);
    expect(mergeMatches([a], [b, c])).toEqual([
      { ...a, ...b },
      { ...a, ...c },
    ]);
  });
});
