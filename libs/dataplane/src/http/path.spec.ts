import fc from "fast-check";
import { defaultPathSettings } from "../runtime/http-connection-manager.ts";
import { compilePathNormalizer } from "./path.ts";

const all = { normalize: true, mergeSlashes: true, escapedSlashes: "unescape-forward" } as const;

describe("compilePathNormalizer()", () => {
  it("makes nothing where nothing is to be done", () => {
    expect(compilePathNormalizer(defaultPathSettings)).toBeUndefined();
  });

  it.each([
    ["/a/b?c=/../d", "/a/b?c=/../d"],
    ["/a/./b/../c", "/a/c"],
    ["/../../a", "/a"],
    ["/a/..", "/"],
    ["/a/.", "/a/"],
    ["/%7Ea%41%2d", "/~aA-"],
    ["/a%20b", "/a%20b"],
    ["/a\\b", "/a/b"],
    ["/a//b///c", "/a/b/c"],
    ["/a%2Fb%5c..", "/a/"],
    ["/a%zz/%2e%2", "/a%zz/.%2"],
    ["*", "*"],
  ])("makes %s into %s", (path, to) => {
    expect(compilePathNormalizer(all)?.(path)).toEqual({ kind: "path", path: to });
  });

  it.each(["/a%00b", "/%41%00"])("rejects %s", (path) => {
    expect(compilePathNormalizer(all)?.(path)).toEqual({
      kind: "reject",
      details: "path_normalization_failed",
    });
  });

  it("redirects or rejects escaped slashes as it is told", () => {
    const decide = (escapedSlashes: "reject" | "unescape-redirect") =>
      compilePathNormalizer({ ...defaultPathSettings, escapedSlashes })?.("/a%2fb");
    expect(decide("reject")).toEqual({ kind: "reject", details: "path_normalization_failed" });
    expect(decide("unescape-redirect")).toEqual({ kind: "redirect", path: "/a/b" });
  });

  it("has nothing left to do on what it made: no path slips through on the second look", () => {
    const segment = fc.constantFrom("a", ".", "..", "%2e", "%2E%2e", "%7e", "%2F", "", "\\", "%5c");
    fc.assert(
      fc.property(fc.array(segment), (segments) => {
        const normalize = compilePathNormalizer(all);
        const once = normalize?.(`/${segments.join("/")}`);
        if (once?.kind !== "path") return;
        expect(once.path).not.toMatch(/(?:^|\/)\.\.?(?:\/|$)|\/\//);
        expect(normalize?.(once.path)).toEqual(once);
      }),
    );
  });
});
