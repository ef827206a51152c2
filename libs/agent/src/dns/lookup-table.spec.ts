import { nameTable } from "../testing/dns-peers.ts";
import { buildLookupTable } from "./lookup-table.ts";
import { recordType } from "./message.ts";

const scope = {
  namespace: "default",
  domain: "default.svc.cluster.local",
  search: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"],
};
const table = buildLookupTable(
  nameTable({
    "web.default.svc.cluster.local": {
      ips: ["10.0.0.1", "fd00::1"],
      shortname: "web",
      namespace: "default",
    },
    "db.prod.svc.cluster.local": { ips: ["10.0.0.2"], shortname: "db", namespace: "prod" },
    "web.default.svc.other.local": { ips: ["10.0.0.3"], shortname: "web", namespace: "default" },
    "mysql-0.mysql.default.svc.cluster.local": {
      ips: ["10.0.1.1"],
      shortname: "mysql-0.mysql",
      namespace: "default",
    },
    "WWW.example.com": ["10.1.0.1"],
    "*.wild.com": ["10.2.0.1"],
    "*.deep.wild.com": ["10.2.0.2"],
    "six.example.com": ["2001:db8::1"],
    "broken.example.com": ["not-an-address"],
  }),
  scope,
);
const a = (name: string) => {
  const found = table.lookup(name, recordType.a);
  if (found === undefined) return "unknown";
  const ips = found.addresses.map((bytes) => bytes.join(".")).join();
  return found.cname === undefined ? ips : `${found.cname} ${ips}`;
};

describe("buildLookupTable()", () => {
  it.each([
    ["web.default.svc.cluster.local.", "10.0.0.1"],
    ["web.", "10.0.0.1"],
    ["web.default.", "10.0.0.1"],
    ["web.default.svc.", "10.0.0.1"],
    ["db.", "unknown"], // of another namespace
    ["db.prod.", "10.0.0.2"],
    ["web.default.svc.other.local.", "10.0.0.3"], // of another domain: by its whole name alone
    ["mysql-0.mysql.", "10.0.1.1"],
    ["www.example.com.", "10.1.0.1"],
    ["example.com.", "unknown"],
    ["broken.example.com.", "unknown"],
    ["a.wild.com.", "10.2.0.1"],
    ["b.a.wild.com.", "10.2.0.1"],
    ["a.deep.wild.com.", "10.2.0.2"],
    ["deep.wild.com.", "10.2.0.1"],
    ["wild.com.", "unknown"],
    [".", "unknown"],
    ["a\\.b.wild.com.", "unknown"],
  ])("has %s as %s", (name, answer) => {
    expect(a(name)).toBe(answer);
  });

  it.each([
    ["www.example.com.default.svc.cluster.local.", "www.example.com. 10.1.0.1"],
    ["db.prod.default.svc.cluster.local.", "db.prod. 10.0.0.2"],
    ["a.wild.com.default.svc.cluster.local.", "a.wild.com. 10.2.0.1"],
    // Only the first search domain: with an answer, resolvers do not get to the others.
    ["www.example.com.cluster.local.", "unknown"],
    ["web.default.svc.cluster.local.default.svc.cluster.local.", "unknown"],
    ["default.svc.cluster.local.", "unknown"],
  ])("has %s, a name with the search domain, as %s", (name, answer) => {
    expect(a(name)).toBe(answer);
  });

  it("knows a name of the other family, without addresses", () => {
    const bytes = (name: string, type: number) => table.lookup(name, type)?.addresses;
    expect(bytes("six.example.com.", recordType.a)).toEqual([]);
    expect(bytes("www.example.com.", recordType.aaaa)).toEqual([]);
    expect(table.lookup("www.example.com.default.svc.cluster.local.", recordType.aaaa)).toEqual({
      addresses: [],
    });
    expect(bytes("six.example.com.", recordType.aaaa)?.[0]?.toString("hex")).toBe(
      "20010db8000000000000000000000001",
    );
    expect(bytes("web.", recordType.aaaa)?.[0]?.toString("hex")).toBe("fd000000000000000000000000000001");
  });

  it("leaves other types to others", () => {
    expect(table.lookup("web.", 16)).toBeUndefined();
  });
});
