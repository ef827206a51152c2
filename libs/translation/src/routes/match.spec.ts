import { buildMatch, isCatchAll, matchAll } from "./match.ts";

describe("buildMatch()", () => {
  it.each([
    [{ uri: { exact: "/a" } }, { kind: "exact", value: "/a" }],
    [{ uri: { prefix: "/a" } }, { kind: "prefix", value: "/a" }],
    [{ uri: { regex: "/a.*" } }, { kind: "regex", value: "/a.*" }],
    [{}, { kind: "prefix", value: "/" }],
  ])("takes the path of %j", (match, path) => {
    expect(buildMatch(match).path).toEqual(path);
  });

  it.each([
    [{ exact: "" }, { kind: "exact", value: "" }],
    [{ prefix: "a" }, { kind: "prefix", value: "a" }],
    [{ regex: "a+" }, { kind: "regex", value: "a+" }],
    // what takes any value asks only that there is one
    [{}, { kind: "present" }],
    [{ prefix: "" }, { kind: "present" }],
    [{ regex: "*" }, { kind: "present" }],
  ])("reads the text match %j", (text, value) => {
    const built = buildMatch({ headers: { x: text }, withoutHeaders: { y: text }, queryParams: { q: text } });
    expect(built.headers).toEqual([
      { name: "x", value, invert: false },
      { name: "y", value, invert: true },
    ]);
    expect(built.queryParameters).toEqual([{ name: "q", value }]);
  });

  it("orders headers by name, and those of the request line after them", () => {
    const text = { exact: "1" };
    const { headers } = buildMatch({
      scheme: text,
      authority: text,
      method: text,
      headers: { b: text, a: text },
      withoutHeaders: { ab: text },
    });
    expect(headers.map(({ name }) => name)).toEqual(["a", "ab", "b", ":method", ":authority", ":scheme"]);
  });

  it.each(["@request.auth.claims.realm.role", "@request.auth.claims[realm][role]"])(
    "takes %s for a claim of the token, not for a header",
    (name) => {
      const built = buildMatch({ headers: { [name]: { exact: "admin" }, a: { exact: "1" } } });
      expect(built.headers.map((header) => header.name)).toEqual(["a"]);
      const text = { kind: "string", match: { kind: "exact", value: "admin" } };
      const match = {
        kind: "metadata",
        filter: "envoy.filters.http.jwt_authn",
        path: ["payload", "realm", "role"],
        value: { kind: "one", of: [{ kind: "list", item: text }, text] },
      };
      expect(built.claims).toEqual([{ match, invert: false }]);
      const without = { withoutHeaders: { [name]: { exact: "admin" } } };
      expect(buildMatch(without).claims).toEqual([{ match, invert: true }]);
    },
  );

  it("minds the case of the path unless told otherwise", () => {
    expect(buildMatch({}).caseSensitive).toBe(true);
    expect(buildMatch({ ignoreUriCase: true }).caseSensitive).toBe(false);
  });
});

describe("isCatchAll()", () => {
  const route = (match: Parameters<typeof buildMatch>[0]) => ({
    name: "",
    match: buildMatch(match),
    action: { kind: "direct-response" as const, status: 200 },
  });
  it.each([
    [{}, true],
    [{ uri: { prefix: "/" } }, true],
    [{ uri: { regex: "*" } }, true],
    [{ uri: { exact: "/" } }, false],
    [{ uri: { prefix: "/a" } }, false],
    [{ headers: { a: { exact: "1" } } }, false],
    [{ headers: { "@request.auth.claims.a": { exact: "1" } } }, false],
    [{ queryParams: { a: { exact: "1" } } }, false],
    [{ method: { exact: "GET" } }, false],
  ])("of %j is %s", (match, expected) => {
    expect(isCatchAll(route(match))).toBe(expected);
  });

  it("holds for a route without a match", () => {
    expect(isCatchAll({ ...route({}), match: matchAll })).toBe(true);
  });
});
