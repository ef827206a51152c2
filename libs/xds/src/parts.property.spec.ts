import type { ResourceSet } from "@weft/envoy-api";
import fc from "fast-check";
import type { ReceivedResponse } from "./decode-response.ts";
import { type Exchange, openExchange, setOf, short } from "./testing/exchange.ts";

const tables = ["80", "90"];
const hosts = tables.flatMap((table) => ["a", "b", "c"].map((host) => `${table}/${host}`));

/** Tables and hosts in two versions of each; a host may be there without its table. */
const set: fc.Arbitrary<ResourceSet> = fc
  .tuple(fc.subarray(tables), fc.subarray(hosts), fc.array(fc.nat(1), { minLength: 8, maxLength: 8 }))
  .map(([present, served, version]) =>
    setOf(
      ...present.map((name) => `RDS ${name}=${version[6 + tables.indexOf(name)]}`),
      ...served.map((name) => `VHDS ${name}=${version[hosts.indexOf(name)]}`),
    ),
  );

type Step =
  | { readonly kind: "push"; readonly set: ResourceSet }
  | { readonly kind: "want"; readonly names: readonly string[] }
  | { readonly kind: "receive" }
  | { readonly kind: "reconnect" };
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    set.map((pushed): Step => ({ kind: "push", set: pushed })),
    fc.subarray(tables).map((names): Step => ({ kind: "want", names })),
    fc.constant<Step>({ kind: "receive" }),
    fc.constant<Step>({ kind: "reconnect" }),
  ),
  { maxLength: 40 },
);

const tableOf = (host: string) => host.slice(0, host.indexOf("/"));

/** A client as Envoy: it keeps hosts for the tables that it has, and versions of all that it was ever sent. */
class Client {
  exchange: Exchange = openExchange("delta");
  readonly tables = new Map<string, string>();
  readonly hosts = new Map<string, string>();
  readonly versions = new Map<string, string>();
  #wanted = new Set<string>();
  #asks = false;

  want(names: readonly string[]): void {
    const added = names.filter((name) => !this.#wanted.has(name));
    const dropped = [...this.#wanted].filter((name) => !names.includes(name));
    this.#wanted = new Set(names);
    for (const name of dropped) this.#drop(name);
    if (added.length + dropped.length > 0)
      this.exchange.request("RDS", { names: added, unsubscribe: dropped });
  }

  reconnect(current: ResourceSet): void {
    this.exchange = openExchange("delta");
    this.exchange.stream.update(current);
    if (this.#wanted.size > 0)
      this.exchange.request("RDS", { names: [...this.#wanted], initial: Object.fromEntries(this.tables) });
    if (this.#asks) this.exchange.request("VHDS", { initial: Object.fromEntries(this.versions) });
  }

  receive(response: ReceivedResponse | undefined): void {
    if (response === undefined) return;
    const isTable = response.typeUrl === short.RDS;
    for (const { name, version } of response.resources) {
      if (isTable && this.#wanted.has(name)) this.tables.set(name, version);
      if (isTable) continue;
      this.versions.set(name, version);
      if (this.tables.has(tableOf(name))) this.hosts.set(name, version);
    }
    // A table in use stays, though the server no longer has it.
    if (!isTable) {
      for (const name of response.removed) {
        this.versions.delete(name);
        this.hosts.delete(name);
      }
    }
    this.exchange.request(isTable ? "RDS" : "VHDS", { nonce: response.nonce });
    if (this.#asks || this.tables.size === 0) return;
    this.#asks = true;
    this.exchange.request("VHDS");
  }

  #drop(table: string): void {
    this.tables.delete(table);
    for (const host of this.hosts.keys()) if (tableOf(host) === table) this.hosts.delete(host);
  }
}

describe("virtual hosts over any changes", () => {
  it("are, in the end, those of the tables that the client has", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const client = new Client();
        let current = setOf();
        client.exchange.stream.update(current);
        for (const step of all) {
          if (step.kind === "push") {
            current = step.set;
            client.exchange.stream.update(current);
          } else if (step.kind === "want") client.want(step.names);
          else if (step.kind === "receive") client.receive(client.exchange.written.shift());
          else client.reconnect(current);
        }
        const { written } = client.exchange;
        for (let rounds = 0; written.length > 0; rounds++) {
          expect(rounds).toBeLessThan(50);
          client.receive(written.shift());
        }
        for (const table of client.tables.keys()) {
          if (!current.ofType(short.RDS).has(table)) continue;
          const of = (names: Iterable<readonly [string, string]>) =>
            [...names].filter(([name]) => tableOf(name) === table).sort();
          const served = [...current.ofType(short.VHDS).values()];
          expect(of(client.hosts)).toEqual(of(served.map(({ name, version }) => [name, version] as const)));
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
