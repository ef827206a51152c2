import { compilePathTemplate } from "./path-template.ts";

describe("compilePathTemplate()", () => {
  it.each([
    ["/foo/*", "/foo/bar", true],
    ["/foo/*", "/foo/", false],
    ["/foo/*", "/foo/bar/x", false],
    ["/foo/*/bar", "/foo/a%20b/bar", true],
    ["/foo/*/bar", "/foo//bar", false],
    ["/foo/**", "/foo/", true],
    ["/foo/**", "/foo/a/b", true],
    ["/foo/**", "/foo", false],
    ["/foo/**/bar", "/foo/a/b/bar", true],
    ["/*/b/**", "/a/b/c/d", true],
    ["/v1.0/*", "/v1x0/a", false],
    ["/v1.0/*", "/v1.0/a", true],
    ["/a/{id}/b", "/a/7/b", true],
    ["/a/{rest=x/**}", "/a/x/y/z", true],
    ["/a/{rest=x/*}", "/a/y/z", false],
    ["/a/", "/a/", true],
    ["/a/", "/a", false],
    ["/a/**.txt", "/a/b/c.txt", true],
    ["/a/*", "/a/b=c", false],
  ])("%s matches %s: %s", (template, path, expected) => {
    expect(compilePathTemplate(template)(path)).toBe(expected);
  });

  it.each([
    "",
    "a/*",
    "/a b",
    "/a//b",
    "/a*b",
    "/**/*",
    "/**/**",
    "/{a}/{a}",
    "/{1a}",
    "/{a",
    "/*.x/y",
    "/{a}/{b}/{c}/{d}/{e}/{f}",
    `/${"a".repeat(256)}`,
  ])("refuses %j", (template) => {
    expect(() => compilePathTemplate(template)).toThrow(
      expect.objectContaining({ code: "invalid-path-template" }),
    );
  });
});
