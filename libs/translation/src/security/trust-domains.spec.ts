import { createTrustDomains } from "./trust-domains.ts";

const domains = createTrustDomains("new-td", ["old-td", "other"]);

describe("createTrustDomains()", () => {
  it.each([
    ["new-td/ns/a/sa/b", ["new-td/ns/a/sa/b", "old-td/ns/a/sa/b", "other/ns/a/sa/b"]],
    ["old-td/ns/a/sa/*", ["new-td/ns/a/sa/*", "old-td/ns/a/sa/*", "other/ns/a/sa/*"]],
    // the mesh's own, whatever it is called
    ["cluster.local/ns/a/sa/b", ["new-td/ns/a/sa/b", "old-td/ns/a/sa/b", "other/ns/a/sa/b"]],
    // a pattern stays for the names that it takes in
    ["*-td/ns/a/sa/b", ["*-td/ns/a/sa/b", "other/ns/a/sa/b"]],
    ["new*/ns/a/sa/b", ["new-td/ns/a/sa/b", "old-td/ns/a/sa/b", "other/ns/a/sa/b"]],
    ["*/ns/a/sa/b", ["*/ns/a/sa/b"]],
    ["foreign/ns/a/sa/b", ["foreign/ns/a/sa/b"]],
    ["*", ["*"]],
    ["*/sa/b", ["*/sa/b"]],
  ])("takes principal %s for %j", (principal, expected) => {
    expect(domains.principals([principal])).toEqual(expected);
  });

  it("expands each name of the trust domain to all, once", () => {
    expect(domains.expand(["old-td", "foreign", "new-td"])).toEqual(["new-td", "old-td", "other", "foreign"]);
  });
});
