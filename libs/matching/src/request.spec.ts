import fc from "fast-check";
import {
  compileHeader,
  compilePath,
  compileQuery,
  compileRoute,
  type HeaderMatch,
  type HeaderValueMatch,
  type MetadataMatch,
  type PathMatch,
  queryValue,
  type RequestView,
  stripQuery,
} from "./index.ts";

function request(path: string, headers: Readonly<Record<string, string>> = {}, method = "GET"): RequestView {
  return { method, path, authority: "a.example", header: (name) => headers[name] };
}

const jason: HeaderValueMatch = { kind: "string", match: { kind: "exact", value: "jason" } };

/** Header `x` absent, `jason`, `tom` and empty. */
const headers: readonly (readonly [
  value: HeaderValueMatch,
  more: Partial<HeaderMatch>,
  outcomes: readonly boolean[],
])[] = [
  [jason, {}, [false, true, false, false]],
  [jason, { invert: true }, [false, false, true, true]],
  [jason, { invert: true, treatMissingAsEmpty: true }, [true, false, true, true]],
  [jason, { treatMissingAsEmpty: true }, [false, true, false, false]],
  [
    { kind: "string", match: { kind: "exact", value: "" } },
    { treatMissingAsEmpty: true },
    [true, false, false, true],
  ],
  [{ kind: "present", present: true }, {}, [false, true, true, true]],
  [{ kind: "present", present: true }, { invert: true }, [true, false, false, false]],
  [{ kind: "present", present: false }, {}, [true, false, false, false]],
  [{ kind: "present", present: false }, { invert: true }, [false, true, true, true]],
];

describe("compileHeader()", () => {
  it.each(headers)("%o %o", (value, more, outcomes) => {
    const test = compileHeader({ name: "X", value, ...more });
    expect([{}, { x: "jason" }, { x: "tom" }, { x: "" }].map((given) => test(request("/", given)))).toEqual(
      outcomes,
    );
  });

  it("takes integers from start up to but not including end", () => {
    const test = compileHeader({ name: "x", value: { kind: "range", start: -10, end: 10n } });
    const outcomes = ["-10", "9", " +9 ", "10", "-11", "1.5", "", "a", "9".repeat(30), "0x1"].map((x) =>
      test(request("/", { x })),
    );
    expect(outcomes).toEqual([true, true, true, false, false, false, false, false, false, false]);
  });
});

const paths: readonly (readonly [match: PathMatch, right: readonly string[], wrong: readonly string[]])[] = [
  [{ kind: "exact", value: "/a" }, ["/a"], ["/a/", "/A", "/"]],
  [{ kind: "exact", value: "/A", ignoreCase: true }, ["/a", "/A"], ["/ab"]],
  [{ kind: "prefix", value: "/a" }, ["/a", "/ab", "/a/b"], ["/A", "/"]],
  [{ kind: "prefix", value: "/a", ignoreCase: true }, ["/AB"], ["/"]],
  [{ kind: "path-separated-prefix", value: "/a/b" }, ["/a/b", "/a/b/", "/a/b/c"], ["/a/bc", "/a", "/A/b"]],
  [{ kind: "path-separated-prefix", value: "/a/b", ignoreCase: true }, ["/A/B", "/a/B/c"], ["/a/bc"]],
  [{ kind: "regex", pattern: "/a/[0-9]+" }, ["/a/1"], ["/a/", "/a/1/"]],
];

describe("compilePath()", () => {
  it.each(paths)("%o", (match, right, wrong) => {
    const test = compilePath(match);
    expect(right.filter((path) => !test(path))).toEqual([]);
    expect(wrong.filter(test)).toEqual([]);
  });
});

describe("stripQuery()", () => {
  it("keeps what stands before ? and #", () => {
    expect(["/a", "/a?b", "/a#b", "/a#b?c", "/a?", "?", ""].map(stripQuery)).toEqual([
      "/a",
      "/a",
      "/a",
      "/a",
      "/a",
      "",
      "",
    ]);
  });
});

describe("compileQuery()", () => {
  it("tests the first value, or presence", () => {
    const equals = compileQuery({
      name: "v",
      value: { kind: "string", match: { kind: "exact", value: "1" } },
    });
    expect(
      ["/?v=1", "/?a&v=1&v=2", "/?v=2&v=1", "/?v", "/", "/?vv=1", "/?v=1#f"].map((path) =>
        equals(request(path)),
      ),
    ).toEqual([true, true, false, false, false, false, true]);
    const present = compileQuery({ name: "v", value: { kind: "present", present: true } });
    const absent = compileQuery({ name: "v", value: { kind: "present", present: false } });
    for (const [path, there] of [
      ["/?v", true],
      ["/?v=", true],
      ["/?w", false],
      ["/v", false],
    ] as const) {
      expect([present(request(path)), absent(request(path))]).toEqual([there, !there]);
    }
  });
});

describe("queryValue()", () => {
  it("finds what splitting the query finds", () => {
    const unit = fc.constantFrom("a", "b", "&", "=", "?", "#", "%");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), fc.constantFrom("a", "b", "ab", ""), (query, name) => {
        const [whole = ""] = query.split("#");
        const pairs = whole.split("&").map((pair) => /^([^=]*)=?(.*)$/s.exec(pair) ?? []);
        const found = pairs.find(([, key, value]) => key === name && (name !== "" || value !== ""))?.[2];
        if (name !== "") expect(queryValue(`/?${query}`, name)).toBe(found);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("compileRoute()", () => {
  it("wants all that is given", () => {
    const test = compileRoute({
      path: { kind: "prefix", value: "/a" },
      headers: [{ name: "end-user", value: jason }],
      query: [{ name: "q", value: { kind: "present", present: true } }],
    });
    const user = { "end-user": "jason" };
    expect(test(request("/a/b?q", user), 0)).toBe(true);
    expect([test(request("/b?q", user), 0), test(request("/a?q"), 0), test(request("/a", user), 0)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it("takes any request where nothing is given", () => {
    expect(compileRoute({})(request("*", {}, "OPTIONS"), 0.5)).toBe(true);
  });

  it("leaves the query aside", () => {
    expect(compileRoute({ path: { kind: "exact", value: "/a" } })(request("/a?b=c"), 0)).toBe(true);
  });

  it("takes a share of the requests", () => {
    const test = compileRoute({ fraction: { numerator: 25, denominator: 10_000 } });
    expect([0, 0.0024, 0.0025, 0.9].map((random) => test(request("/"), random))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it("asks what filters have noted of the request", () => {
    const match: MetadataMatch = {
      filter: "jwt",
      path: ["sub"],
      value: { kind: "string", match: { kind: "exact", value: "me" } },
    };
    const of = (sub: string) => ({
      ...request("/"),
      metadata: (filter: string) => filter === "jwt" && { sub },
    });
    const test = compileRoute({ metadata: [match] });
    expect([of("me"), of("you"), request("/")].map((one) => test(one, 0))).toEqual([true, false, false]);
    const not = compileRoute({ metadata: [{ ...match, invert: true }] });
    expect([of("me"), of("you"), request("/")].map((one) => not(one, 0))).toEqual([false, true, true]);
  });

  it("takes gRPC only, or CONNECT only", () => {
    const grpc = compileRoute({ grpc: true });
    const types = ["application/grpc", "application/grpc+proto", "application/grpc-web", "text/plain"];
    expect(types.map((type) => grpc(request("/", { "content-type": type }), 0))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(grpc(request("/"), 0)).toBe(false);
    const connect = compileRoute({ connect: true });
    expect([connect(request("a:80", {}, "CONNECT"), 0), connect(request("/"), 0)]).toEqual([true, false]);
  });
});
