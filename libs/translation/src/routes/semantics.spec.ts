import { changePrefix, prefixMatch, semanticsOf } from "./semantics.ts";

describe("semanticsOf()", () => {
  it.each([
    [{}, "istio"],
    [{ "internal.istio.io/route-semantics": "gateway" }, "gateway"],
    [{ "internal.istio.io/route-semantics": "ingress" }, "ingress"],
    [{ "internal.istio.io/route-semantics": "another" }, "istio"],
  ])("reads %j as %s", (annotations, expected) => {
    expect(semanticsOf({ annotations })).toBe(expected);
  });
});

describe("prefixMatch()", () => {
  it.each([
    ["/api", "istio", { kind: "prefix", value: "/api" }],
    ["/api/", "istio", { kind: "prefix", value: "/api/" }],
    ["/api", "gateway", { kind: "segments", value: "/api" }],
    ["/api/", "ingress", { kind: "segments", value: "/api" }],
    ["/", "gateway", { kind: "prefix", value: "/" }],
  ] as const)("makes of %s in %s: %j", (prefix, semantics, expected) => {
    expect(prefixMatch(prefix, semantics)).toEqual(expected);
  });
});

describe("changePrefix()", () => {
  /** The path a proxy sends on, where the match has taken the request. */
  function rewritten(path: string, from: string, to: string): string {
    const change = changePrefix(to, { uri: { prefix: from } }, "gateway");
    if ("prefix" in change) return change.prefix + path.slice(from.replace(/(.)\/$/, "$1").length);
    return path.replace(new RegExp(change.regex.pattern), change.regex.substitution.replace("\\1", "$1"));
  }

  // The table of the specification: https://gateway-api.sigs.k8s.io/reference/spec/#httppathmodifier
  it.each([
    ["/foo/bar", "/foo", "/xyz", "/xyz/bar"],
    ["/foo", "/foo", "/xyz", "/xyz"],
    ["/foo/", "/foo", "/xyz", "/xyz/"],
    ["/foo/bar", "/foo", "/", "/bar"],
    ["/foo/", "/foo", "/", "/"],
    ["/foo", "/foo", "/", "/"],
    ["/f.o/bar", "/f.o", "/", "/bar"],
    ["/bar", "/", "/xyz", "/xyz/bar"],
  ])("makes of %s, prefix %s replaced by %s: %s", (path, from, to, expected) => {
    expect(rewritten(path, from, to)).toBe(expected);
  });

  it("leaves VirtualServices as they are", () => {
    expect(changePrefix("/", { uri: { prefix: "/foo" } }, "istio")).toEqual({ prefix: "/" });
  });
});
