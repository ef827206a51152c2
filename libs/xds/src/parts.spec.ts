import { openExchange, setOf } from "./testing/exchange.ts";

/** A client that has the tables `names` and asks for all virtual hosts. */
function connect(set: readonly string[], names: readonly string[]) {
  const exchange = openExchange("delta");
  exchange.stream.update(setOf(...set));
  exchange.request("RDS", { names });
  const tables = exchange.settle();
  exchange.request("VHDS");
  return { ...exchange, tables, hosts: exchange.settle() };
}

describe("resources that are parts of others", () => {
  it("are sent for the owners that the client has, all at once", () => {
    const { tables, hosts } = connect(["RDS 80", "RDS 90", "VHDS 80/a", "VHDS 80/b", "VHDS 90/a"], ["80"]);
    expect([tables, hosts]).toEqual([["RDS 80"], ["VHDS 80/a 80/b"]]);
  });

  it("follow an owner that is asked for later, after it", () => {
    const { request, settle } = connect(["RDS 80", "RDS 90", "VHDS 80/a", "VHDS 90/a"], ["80"]);
    request("RDS", { names: ["90"] });
    expect(settle()).toEqual(["RDS 90", "VHDS 90/a"]);
  });

  it("are sent by what changed, and removed by name", () => {
    const { stream, settle } = connect(["RDS 80", "VHDS 80/a", "VHDS 80/b", "VHDS 80/c"], ["80"]);
    stream.update(setOf("RDS 80", "VHDS 80/a=2", "VHDS 80/b", "VHDS 80/d"));
    expect(settle()).toEqual(["VHDS 80/a 80/d -80/c"]);
  });

  it("are sent again with their owner", () => {
    const { stream, settle } = connect(["RDS 80", "VHDS 80/a", "VHDS 80/b"], ["80"]);
    stream.update(setOf("RDS 80=2", "VHDS 80/a"));
    expect(settle()).toEqual(["RDS 80", "VHDS 80/a -80/b"]);
  });

  it("stay with an owner that is gone until the client lets go of it", () => {
    const { stream, request, settle } = connect(["RDS 80", "RDS 90", "VHDS 80/a", "VHDS 90/a"], ["80", "90"]);
    stream.update(setOf("RDS 80", "VHDS 80/a"));
    expect(settle()).toEqual(["RDS -90"]);
    stream.update(setOf("RDS 80", "VHDS 80/a=2"));
    expect(settle()).toEqual(["VHDS 80/a"]);
    request("RDS", { unsubscribe: ["90"] });
    expect(settle()).toEqual(["VHDS -90/a"]);
  });

  it("are removed where the owner comes back without them", () => {
    const { stream, settle } = connect(["RDS 80", "VHDS 80/a", "VHDS 80/b"], ["80"]);
    stream.update(setOf("RDS 90"));
    expect(settle()).toEqual(["RDS -80"]);
    stream.update(setOf("RDS 80", "VHDS 80/a"));
    expect(settle()).toEqual(["RDS 80", "VHDS 80/a -80/b"]);
  });

  it("wait for clusters, and clusters that are gone for them", () => {
    const { stream, request, take, settle, written } = openExchange("delta");
    stream.update(setOf("CDS x", "RDS 80", "VHDS 80/a=x"));
    request("CDS");
    request("RDS", { names: ["80"] });
    settle();
    request("VHDS");
    settle();
    stream.update(setOf("CDS y", "RDS 80", "VHDS 80/a=y"));
    const made = take();
    expect(made.resources.map(({ name }) => name)).toEqual(["y"]);
    expect(written).toEqual([]);
    request("CDS", { nonce: made.nonce });
    expect(settle()).toEqual(["VHDS 80/a", "CDS -x"]);
  });

  it("are not sent again to a client that comes back with them", () => {
    const first = setOf("RDS 80", "VHDS 80/a", "VHDS 80/b");
    const versions = (typeUrl: string) =>
      Object.fromEntries([...first.ofType(typeUrl).values()].map(({ name, version }) => [name, version]));
    const { stream, request, settle } = openExchange("delta");
    stream.update(setOf("RDS 80", "VHDS 80/a", "VHDS 80/b=2"));
    const type = (name: string) => `type.googleapis.com/envoy.config.route.v3.${name}`;
    // Envoy may ask for the hosts first, and by the wildcard's name.
    request("VHDS", { names: ["*"], initial: versions(type("VirtualHost")) });
    request("RDS", { names: ["80"], initial: versions(type("RouteConfiguration")) });
    expect(settle().filter((response) => response.includes("VHDS"))).toEqual(["VHDS 80/b"]);
  });
});
