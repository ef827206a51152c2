import { hostCovers, hostsOverlap, indexHosts, mostSpecificHost, resolveHost } from "./hostname.ts";

describe("resolveHost()", () => {
  it.each([
    ["reviews", "reviews.bookinfo.svc.cluster.local"],
    ["reviews.default", "reviews.default"],
    ["*", "*"],
    ["*.example.com", "*.example.com"],
    ["api.example.com", "api.example.com"],
    ["", ""],
  ])("%s → %s", (host, whole) => {
    expect(resolveHost(host, "bookinfo", "cluster.local")).toBe(whole);
  });
});

describe("hostCovers()", () => {
  it.each([
    ["*", "a.b", true],
    ["*", "*.b", true],
    ["a.b", "a.b", true],
    ["a.b", "c.b", false],
    ["*.b", "a.b", true],
    ["*.b", "x.a.b", true],
    ["*.b", "b", false],
    ["*b", "b", true],
    ["*.b", "*", false],
    ["*.b", "*.a.b", true],
    ["*.a.b", "*.b", false],
    ["a.b", "*.b", false],
  ])("%s covers %s: %s", (pattern, host, covers) => {
    expect(hostCovers(pattern, host)).toBe(covers);
  });
});

describe("hostsOverlap()", () => {
  it("sees either wildcard", () => {
    expect(hostsOverlap("*.b", "a.b")).toBe(true);
    expect(hostsOverlap("a.b", "*.b")).toBe(true);
    expect(hostsOverlap("*.c", "*.b")).toBe(false);
  });
});

describe("mostSpecificHost()", () => {
  const hosts = indexHosts(
    new Map(["*", "*.com", "*.example.com", "a.example.com"].map((host) => [host, host])),
  );
  it.each([
    ["a.example.com", "a.example.com"],
    ["b.example.com", "*.example.com"],
    ["c.b.example.com", "*.example.com"],
    ["example.com", "*.com"],
    ["example.org", "*"],
    ["*.example.com", "*.example.com"],
    ["*.b.example.com", "*.example.com"],
  ])("%s → %s", (host, found) => {
    expect(mostSpecificHost(host, hosts)).toBe(found);
  });

  it("finds nothing where nothing covers", () => {
    expect(
      mostSpecificHost(
        "a.b",
        indexHosts(
          new Map([
            ["c.b", 1],
            ["*.a.b", 2],
          ]),
        ),
      ),
    ).toBeUndefined();
  });
});
