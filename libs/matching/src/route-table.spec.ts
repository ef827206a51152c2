import fc from "fast-check";
import { compileRoute, compileRouteTable, MatcherError, type PathMatch, type RouteMatch } from "./index.ts";

const path = fc.string({ unit: fc.constantFrom("/", "a", "b", "A"), maxLength: 5 }).map((rest) => `/${rest}`);
const pathMatch: fc.Arbitrary<PathMatch> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("exact" as const, "prefix" as const, "path-separated-prefix" as const),
    value: path.map((value) => value.replace(/\/+$/, "") || "/a"),
    ignoreCase: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("regex" as const), pattern: fc.constantFrom("/a.*", "/[ab]+", "/b/.") }),
);
const routeMatch: fc.Arbitrary<RouteMatch> = fc.record(
  {
    path: pathMatch,
    headers: fc.constant([{ name: "x", value: { kind: "present" as const, present: true } }]),
    fraction: fc.constant({ numerator: 50, denominator: 100 }),
  },
  { requiredKeys: [] },
);
const table = fc.array(routeMatch, { maxLength: 25 });

describe("compileRouteTable()", () => {
  it("finds what trying one route after the other finds", () => {
    fc.assert(
      fc.property(table, path, fc.boolean(), fc.constantFrom(0, 0.7), (matches, given, header, random) => {
        const request = {
          method: "GET",
          path: `${given}?q`,
          authority: "a",
          header: (name: string) => (header && name === "x" ? "1" : undefined),
        };
        const first = matches.findIndex((match) => compileRoute(match)(request, random));
        const lookup = compileRouteTable(matches.map((match, index) => ({ match, value: index })));
        expect(lookup(request, random)).toBe(first < 0 ? undefined : first);
      }),
      { numRuns: 2000 },
    );
  });

  it("finds nothing in an empty table", () => {
    expect(
      compileRouteTable([])({ method: "GET", path: "/", authority: "", header: () => undefined }, 0),
    ).toBeUndefined();
  });

  it("refuses a pattern that RE2 refuses", () => {
    const entries = [{ match: { path: { kind: "regex" as const, pattern: "(" } }, value: 1 }];
    expect(() => compileRouteTable(entries)).toThrow(MatcherError);
  });
});
