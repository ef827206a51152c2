import { compileRbac, type Permission, type Principal, type RbacView } from "./rbac.ts";
import type { StringMatch } from "./string.ts";

const view: RbacView = {
  request: {
    method: "GET",
    path: "/admin/x?y=/z",
    authority: "a.example",
    header: (name) => ({ ":method": "GET", "x-role": "dev,ops" })[name],
  },
  destinationAddress: "10.0.0.9",
  destinationPort: 8080,
  serverName: "a.example",
  remoteAddress: "203.0.113.9",
  sourceAddress: "10.1.0.1",
  directRemoteAddress: "::ffff:10.2.0.1",
  principals: ["spiffe://td/ns/a/sa/b", "b.a.svc", "CN=b"],
  metadata: (filter) => (filter === "f" ? { key: "dynamic" } : undefined),
  routeMetadata: (filter) => (filter === "f" ? { key: "route" } : undefined),
};
const plain: RbacView = {
  ...view,
  request: { method: "", path: "", authority: "", header: () => undefined },
  principals: undefined,
};

const exact = (value: string): StringMatch => ({ kind: "exact", value });
const range = (address: string, prefixLength: number) => ({ address, prefixLength });
const metadata = (source: "dynamic" | "route"): Permission => ({
  kind: "metadata",
  source,
  match: { filter: "f", path: ["key"], value: { kind: "string", match: exact("route") } },
});

const find = (permission: Permission, principal: Principal, seen = view) =>
  compileRbac([{ name: "p", permissions: [permission], principals: [principal] }])(seen) === "p";

describe("compileRbac()", () => {
  const any = { kind: "any" } as const;
  const never = { kind: "never" } as const;

  it.each<[string, Permission, boolean]>([
    ["any", any, true],
    ["never", never, false],
    ["all of", { kind: "and", of: [any, never] }, false],
    ["one of", { kind: "or", of: [never, any] }, true],
    ["not", { kind: "not", of: any }, false],
    ["a path without its query", { kind: "path", match: exact("/admin/x") }, true],
    ["a path, not its query", { kind: "path", match: { kind: "suffix", value: "/z" } }, false],
    ["a template", { kind: "path-template", template: "/admin/*" }, true],
    [
      "a header's lines together",
      { kind: "header", match: { name: "X-Role", value: { kind: "string", match: exact("dev,ops") } } },
      true,
    ],
    ["an address", { kind: "destination-ip", range: range("10.0.0.0", 24) }, true],
    ["another address", { kind: "destination-ip", range: range("10.0.1.0", 24) }, false],
    ["a port", { kind: "destination-port", port: 8080 }, true],
    ["a range of ports", { kind: "destination-port-range", start: 8080, end: 8081 }, true],
    ["a range that ends before", { kind: "destination-port-range", start: 80, end: 8080 }, false],
    ["a server name", { kind: "server-name", match: exact("a.example") }, true],
    ["dynamic metadata", metadata("dynamic"), false],
    ["metadata of the route", metadata("route"), true],
  ])("permits by %s", (_name, permission, expected) => {
    expect(find(permission, any)).toBe(expected);
  });

  it.each<[string, Principal, boolean]>([
    ["a URI of the certificate", { kind: "authenticated", name: exact("spiffe://td/ns/a/sa/b") }, true],
    ["a DNS name of it", { kind: "authenticated", name: exact("b.a.svc") }, true],
    ["its subject", { kind: "authenticated", name: exact("CN=b") }, true],
    ["another name", { kind: "authenticated", name: exact("spiffe://td/ns/a/sa/c") }, false],
    ["TLS alone", { kind: "authenticated" }, true],
    ["the trusted address", { kind: "remote-ip", range: range("203.0.113.0", 24) }, true],
    ["the connection's address", { kind: "source-ip", range: range("10.1.0.0", 16) }, true],
    ["the socket's address", { kind: "direct-remote-ip", range: range("10.2.0.0", 16) }, true],
    ["an address that is another's", { kind: "direct-remote-ip", range: range("10.1.0.0", 16) }, false],
  ])("identifies by %s", (_name, principal, expected) => {
    expect(find(any, principal)).toBe(expected);
  });

  it("sees neither names, path nor headers on a plain connection", () => {
    expect(find(any, { kind: "authenticated" }, plain)).toBe(false);
    expect(find({ kind: "path", match: { kind: "prefix", value: "" } }, any, plain)).toBe(false);
    const present: Permission = {
      kind: "header",
      match: { name: "x", value: { kind: "present", present: true } },
    };
    expect(find(present, any, plain)).toBe(false);
  });

  it("takes the first policy by name, whatever the order they came in", () => {
    const policy = (name: string) => ({ name, permissions: [any], principals: [any] });
    expect(compileRbac([policy("b"), policy("a")])(view)).toBe("a");
    expect(compileRbac([])(view)).toBeUndefined();
  });

  it.each<[Permission, string]>([
    [{ kind: "destination-ip", range: range("nonsense", 8) }, "invalid-address"],
    [{ kind: "destination-port-range", start: 9, end: 9 }, "invalid-range"],
    [{ kind: "path-template", template: "x" }, "invalid-path-template"],
    [{ kind: "path", match: { kind: "regex", pattern: "(" } }, "invalid-regex"],
  ])("refuses %j, which could not match", (permission, code) => {
    expect(() => find(permission, any)).toThrow(expect.objectContaining({ code }));
  });
});
