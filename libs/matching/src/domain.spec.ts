import fc from "fast-check";
import { compileDomains, MatcherError, stripPort } from "./index.ts";

/** Envoy's order, in the plainest words. */
function naive(domains: readonly string[], received: string): string | undefined {
  const host = received.toLowerCase();
  const lower = domains.map((domain) => domain.toLowerCase());
  const longest = (found: readonly string[]) => found.toSorted((a, b) => b.length - a.length)[0];
  return (
    lower.find((domain) => !domain.includes("*") && domain === host) ??
    longest(
      lower.filter(
        (d) => d.length > 1 && d.startsWith("*") && host.length > d.length - 1 && host.endsWith(d.slice(1)),
      ),
    ) ??
    longest(
      lower.filter(
        (d) =>
          d.length > 1 && d.endsWith("*") && host.length > d.length - 1 && host.startsWith(d.slice(0, -1)),
      ),
    ) ??
    lower.find((domain) => domain === "*")
  );
}

const name = fc.string({ unit: fc.constantFrom("a", "B", "."), minLength: 1, maxLength: 5 });
const domain = fc.oneof(
  name,
  name.map((rest) => `*${rest}`),
  name.map((rest) => `${rest}*`),
  fc.constant("*"),
);

describe("compileDomains()", () => {
  it("prefers exact, then the longest suffix, then the longest prefix, then *", () => {
    const domains = fc.uniqueArray(domain, { selector: (value) => value.toLowerCase(), maxLength: 12 });
    fc.assert(
      fc.property(domains, name, (list, host) => {
        const lookup = compileDomains(
          list.map((value) => ({ domains: [value], value: value.toLowerCase() })),
        );
        expect(lookup(host)).toBe(naive(list, host));
      }),
      { numRuns: 2000 },
    );
  });

  it("takes the example of Envoy's documentation", () => {
    const lookup = compileDomains(
      ["www.foo.com", "*.foo.com", "*-bar.foo.com", "foo.*", "foo-*", "*"].map((value) => ({
        domains: [value],
        value,
      })),
    );
    const hosts = ["www.foo.com", "a.foo.com", "x-bar.foo.com", "FOO.net", "foo-x.org", "other", ".foo.com"];
    expect(hosts.map(lookup)).toEqual([
      "www.foo.com",
      "*.foo.com",
      "*-bar.foo.com",
      "foo.*",
      "foo-*",
      "*",
      "*",
    ]);
  });

  it("leaves the port aside where told", () => {
    const entries = [{ domains: ["a.com"], value: 1 }];
    expect(compileDomains(entries)("a.com:80")).toBeUndefined();
    expect(compileDomains(entries, { ignorePort: true })("A.com:80")).toBe(1);
  });

  it("refuses a domain that stands twice", () => {
    for (const twice of [
      ["a.com", "A.COM"],
      ["*", "*"],
      ["*.a", "*.a"],
      ["a.*", "a.*"],
    ]) {
      const entries = twice.map((value) => ({ domains: [value], value }));
      expect(() => compileDomains(entries)).toThrow(MatcherError);
      expect(() => compileDomains(entries)).toThrow(
        `domain "${twice[0]?.toLowerCase()}" is given twice, allowed is once`,
      );
    }
  });
});

describe("stripPort()", () => {
  it("takes a port off names and addresses", () => {
    const hosts = ["a", "a:80", "1.2.3.4:80", "[::1]:80", "[::1]", "::1", "a:", "a:x", "a:123456"];
    expect(hosts.map(stripPort)).toEqual([
      "a",
      "a",
      "1.2.3.4",
      "[::1]",
      "[::1]",
      "::1",
      "a:",
      "a:x",
      "a:123456",
    ]);
  });
});
