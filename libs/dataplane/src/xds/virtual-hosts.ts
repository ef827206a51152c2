import { setImmediate as nextTurn } from "node:timers/promises";
import { fromBinary } from "@bufbuild/protobuf";
import type { Clock } from "@weft/base";
import { VirtualHostSchema } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { MatcherError } from "@weft/matching";
import type { Compiled, CompiledHost, RouteTableHead } from "../compile/index.ts";
import type { RouteTable } from "../runtime/route.ts";
import type { StatsScope } from "../runtime/stats.ts";
import type { ConfigState } from "./config-state.ts";
import { RefusedError } from "./refused-error.ts";
import type { IncomingResource } from "./resources.ts";
import type { RouteStore } from "./route-store.ts";

/** Parts of {@link createVirtualHosts}. */
export interface VirtualHostsOptions {
  readonly routes: RouteStore;
  /** The hosts that are in use, by the names of their resources. */
  readonly state: ConfigState;
  /** Scope `vhds`; a table's own counter is under its name. */
  readonly stats: StatsScope;
  readonly clock: Clock;
}

/**
 * Puts route tables together out of what RDS sends of them and the virtual hosts that VHDS sends. A table is in use once both have come;
 * a change of a host compiles that host, and takes the others over.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/vhds
 */
export interface VirtualHosts {
  /**
   * Takes a table, whole or apart from its hosts.
   * @throws RefusedError where it does not go with the hosts that are there
   */
  setTable(head: RouteTableHead): Promise<void>;
  /** Takes a change of hosts: those that can be taken are. What is wrong with the others is returned, a line for each. */
  apply(changed: Iterable<IncomingResource>, removed: readonly string[]): Promise<readonly string[]>;
  /** Forgets the hosts of tables that are not wanted any more; returns the names of their resources. */
  retain(tables: ReadonlySet<string>): readonly string[];
  /** Whether any table waits for hosts from VHDS, or has some. */
  readonly needed: boolean;
}

/** A virtual host, and what it was compiled to for the table's present head. */
interface Host {
  /** The encoded message. */
  value: Uint8Array;
  readonly domains: readonly string[];
  for?: RouteTableHead;
  compiled?: CompiledHost;
}

/** What is known of one table. */
interface Table {
  head: RouteTableHead | undefined;
  hosts: ReadonlyMap<string, Host>;
  /** VHDS has spoken of it. */
  answered: boolean;
}

/** After so long, requests get a turn before the next host of a large update is compiled. */
const sliceMs = 10;

/** Creates a {@link VirtualHosts} without tables. */
export function createVirtualHosts({ routes, state, stats, clock }: VirtualHostsOptions): VirtualHosts {
  const tables = new Map<string, Table>();
  const tableOf = (name: string): Table => {
    const table = tables.get(name) ?? { head: undefined, hosts: new Map(), answered: false };
    tables.set(name, table);
    return table;
  };

  /** Compiles hosts ahead of {@link assemble}, and lets requests through meanwhile. */
  const compileAll = async (hosts: Iterable<Host>, head: RouteTableHead) => {
    let sliceStart = clock.monotonic();
    for (const host of hosts) {
      if (clock.monotonic() - sliceStart > sliceMs) {
        await nextTurn();
        sliceStart = clock.monotonic();
      }
      compileHost(host, head);
    }
  };

  /** Takes a change of one table's hosts: of those that are sound all or, where they clash, none. */
  const applyTo = async (
    name: string,
    {
      changed,
      removed,
    }: { readonly changed: readonly IncomingResource[]; readonly removed: readonly string[] },
  ): Promise<readonly string[]> => {
    // Removals go on for a moment after the last listener let go of a table: they are no answer for when it comes back.
    if (!tables.has(name) && changed.length === 0) return [];
    const table = tableOf(name);
    table.answered = true;
    const errors: string[] = [];
    const sound: { readonly resource: IncomingResource; readonly host: Host }[] = [];
    const refuse = (resource: IncomingResource, details: string) => {
      state.reject(resource, details);
      errors.push(`Error adding/updating virtual host ${resource.name}: ${details}`);
    };
    const decoded = changed.map((resource) => ({ resource, host: decode(resource) }));
    if (table.head !== undefined) {
      const hosts = decoded.flatMap(({ host }) => ("domains" in host ? [host] : []));
      await compileAll(hosts, table.head);
    }
    for (const { resource, host } of decoded) {
      const details = "domains" in host ? table.head && problemOf(host, table.head) : host.problem;
      if ("domains" in host && details === undefined) sound.push({ resource, host });
      else refuse(resource, details ?? "");
    }
    const hosts = new Map(table.hosts);
    for (const gone of removed) hosts.delete(gone);
    for (const { resource, host } of sound) hosts.set(resource.name, host);
    try {
      if (table.head !== undefined) routes.set(name, assemble(table.head, hosts));
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      const clashes = clashesIn(hosts);
      for (const { resource } of sound) {
        const clash = clashes.get(resource.name);
        if (clash !== undefined) refuse(resource, clash);
      }
      if (errors.length === 0) errors.push(`Error updating virtual hosts of ${name}: ${error.message}`);
      return errors;
    }
    table.hosts = hosts;
    for (const gone of removed) state.remove(gone);
    for (const { resource, host } of sound) {
      state.accept(resource);
      // What came in is a view of the whole response.
      host.value = state.records.get(resource.name)?.value ?? host.value;
    }
    stats.scope(name).counter("config_reload").inc();
    return errors;
  };

  return {
    get needed() {
      return [...tables.values()].some(({ head }) => head?.discoversHosts);
    },
    async setTable(head) {
      const { name } = head;
      if (!head.discoversHosts) {
        for (const host of tables.get(name)?.hosts.keys() ?? []) state.remove(host);
        tables.delete(name);
        routes.set(name, head.withHosts([]));
        return;
      }
      const table = tableOf(name);
      await compileAll(table.hosts.values(), head);
      const ready = table.answered ? assemble(head, table.hosts) : undefined;
      table.head = head;
      if (ready !== undefined) routes.set(name, ready);
    },
    async apply(changed, removed) {
      const errors: string[] = [];
      const byTable = new Map<string, { changed: IncomingResource[]; removed: string[] }>();
      const changesOf = (resource: string) => {
        const name = resource.slice(0, Math.max(0, resource.lastIndexOf("/")));
        const changes = byTable.get(name) ?? { changed: [], removed: [] };
        byTable.set(name, changes);
        return changes;
      };
      for (const resource of changed) changesOf(resource.name).changed.push(resource);
      for (const name of removed) changesOf(name).removed.push(name);
      for (const [name, changes] of byTable) errors.push(...(await applyTo(name, changes)));
      return errors;
    },
    retain(wanted) {
      const gone = [...tables].filter(([name]) => !wanted.has(name));
      const hosts = gone.flatMap(([, table]) => [...table.hosts.keys()]);
      for (const [name] of gone) tables.delete(name);
      for (const host of hosts) state.remove(host);
      return hosts;
    },
  };
}

function decode({ value }: IncomingResource): Host | { readonly problem: string } {
  try {
    return { value, domains: fromBinary(VirtualHostSchema, value).domains };
  } catch (error) {
    return { problem: `is no ${VirtualHostSchema.typeName}: ${(error as Error).message}` };
  }
}

/** Compiles a host, once for each head of its table. */
function compileHost(host: Host, head: RouteTableHead): Compiled<CompiledHost> {
  if (host.for === head && host.compiled !== undefined) return { value: host.compiled, problems: [] };
  const result = head.compileHost(fromBinary(VirtualHostSchema, host.value));
  if (result.value !== undefined) {
    host.for = head;
    host.compiled = result.value;
  }
  return result;
}

function problemOf(host: Host, head: RouteTableHead): string | undefined {
  const { value, problems } = compileHost(host, head);
  if (value !== undefined) return undefined;
  return problems
    .filter(({ severity }) => severity === "error")
    .map(({ path, message }) => (path === "" ? message : `${path}: ${message}`))
    .join("; ");
}

/** @throws RefusedError for hosts that do not go with the head */
function assemble(head: RouteTableHead, hosts: ReadonlyMap<string, Host>): RouteTable {
  const compiled = [...hosts].map(([name, host]) => {
    const { value } = compileHost(host, head);
    if (value === undefined) throw new RefusedError(`virtual host ${name}: ${problemOf(host, head)}`);
    return value;
  });
  try {
    return head.withHosts(compiled);
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error;
    throw new RefusedError(error.message);
  }
}

/** What is wrong with the hosts that have a domain of another; such a table cannot be, as in Envoy. */
function clashesIn(hosts: ReadonlyMap<string, Host>): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  const clashes = new Map<string, string>();
  for (const [name, { domains }] of hosts)
    for (const written of domains) {
      const domain = written.toLowerCase();
      const other = owners.get(domain);
      if (other === undefined) owners.set(domain, name);
      else for (const one of [name, other]) clashes.set(one, clash(domain, one === name ? other : name));
    }
  return clashes;
}

function clash(domain: string, other: string): string {
  return `domain "${domain}" is given twice, allowed is once; ${other} has it too`;
}
