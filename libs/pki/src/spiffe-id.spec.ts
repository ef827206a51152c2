import fc from "fast-check";
import { PkiError } from "./error.ts";
import {
  formatSpiffeId,
  formatWorkloadIdentity,
  parseSpiffeId,
  parseWorkloadIdentity,
  validateTrustDomain,
} from "./spiffe-id.ts";

describe("parseSpiffeId()", () => {
  it.each([
    ["spiffe://cluster.local", "cluster.local", ""],
    ["spiffe://td/ns/a/sa/b", "td", "/ns/a/sa/b"],
    ["spiffe://a-b_c.0/X/y_z/1.2-3", "a-b_c.0", "/X/y_z/1.2-3"],
    [`spiffe://${"a".repeat(255)}/${"b".repeat(1783)}`, "a".repeat(255), `/${"b".repeat(1783)}`],
  ])("reads %s", (text, trustDomain, path) => {
    expect(parseSpiffeId(text)).toEqual({ trustDomain, path });
    expect(formatSpiffeId({ trustDomain, path })).toBe(text);
  });

  it.each([
    ["", "does not begin"],
    ["https://td/a", "does not begin"],
    ["SPIFFE://td/a", "does not begin"],
    ["spiffe:///a", "the trust domain is empty"],
    ["spiffe://TD/a", "the trust domain may hold"],
    ["spiffe://user@td/a", "the trust domain may hold"],
    ["spiffe://td:8080/a", "the trust domain may hold"],
    ["spiffe://td%2f/a", "the trust domain may hold"],
    ["spiffe://tđ/a", "the trust domain may hold"],
    ["spiffe://td/", "empty segment"],
    ["spiffe://td/a/", "empty segment"],
    ["spiffe://td//a", "empty segment"],
    ["spiffe://td/a/../b", "segment . or .."],
    ["spiffe://td/./a", "segment . or .."],
    ["spiffe://td/a%2fb", "the path may hold"],
    ["spiffe://td/a?b", "the path may hold"],
    ["spiffe://td/a#b", "the path may hold"],
    ["spiffe://td/a\nb", "the path may hold"],
    [`spiffe://${"a".repeat(256)}/b`, "longer than 255"],
    [`spiffe://td/${"b".repeat(2040)}`, "longer than 2048"],
  ])("refuses %j", (text, why) => {
    expect(() => parseSpiffeId(text)).toThrow(why);
    expect(() => parseSpiffeId(text)).toThrow(PkiError);
  });

  it("throws nothing but its own error, and reads what it writes", () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string().map((rest) => `spiffe://${rest}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          expect(formatSpiffeId(parseSpiffeId(text))).toBe(text);
        } catch (error) {
          expect(error).toBeInstanceOf(PkiError);
        }
      }),
    );
  });
});

describe("parseWorkloadIdentity()", () => {
  it("reads and writes Istio's form", () => {
    const identity = { trustDomain: "td", namespace: "a-1", serviceAccount: "b.c" };
    expect(parseWorkloadIdentity("spiffe://td/ns/a-1/sa/b.c")).toEqual(identity);
    expect(formatWorkloadIdentity(identity)).toBe("spiffe://td/ns/a-1/sa/b.c");
  });

  it.each([
    "spiffe://td/ns/a/sa",
    "spiffe://td/ns/a/sa/b/c",
    "spiffe://td/sa/a/ns/b",
    "spiffe://td/ns/A/sa/b",
    "spiffe://td/ns/a.b/sa/c",
    "spiffe://td/ns/a/sa/b_c",
    "spiffe://td/ns/-/sa/b",
  ])("refuses %s", (text) => {
    expect(() => parseWorkloadIdentity(text)).toThrow(PkiError);
  });

  it.each([
    { namespace: "a/sa/b/ns", serviceAccount: "c" },
    { namespace: "a", serviceAccount: "../b" },
    { namespace: "", serviceAccount: "b" },
    { namespace: "a".repeat(64), serviceAccount: "b" },
    { namespace: "a", serviceAccount: "b\n" },
  ])("does not write %j", (identity) => {
    expect(() => formatWorkloadIdentity({ trustDomain: "td", ...identity })).toThrow(PkiError);
  });
});

describe("validateTrustDomain()", () => {
  it("takes names and refuses others", () => {
    expect(() => validateTrustDomain("cluster.local")).not.toThrow();
    expect(() => validateTrustDomain("a/b")).toThrow('trust domain "a/b": the trust domain may hold');
  });
});
