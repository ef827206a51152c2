import type { NameTable, NameTable_NameInfo } from "@weft/mesh-rpc/istio/networking/nds/v1/nds_pb.js";
import { ipBytes } from "./ip.ts";
import { recordType } from "./message.ts";

/** Whose questions are answered. */
export interface LookupScope {
  /** Namespace of the workload: its neighbours have names of one label. */
  readonly namespace: string;
  /** DNS domain of the workload: `default.svc.cluster.local`. */
  readonly domain: string;
  /** Search domains of resolv.conf, which the workload's resolver puts behind names. */
  readonly search: readonly string[];
}

/** What is known of a name; no addresses where it has none of the family asked for. */
export interface Found {
  readonly addresses: readonly Buffer[];
  /** The name without the search domain, where it was asked for with that. */
  readonly cname?: string;
}

/** The names that the mesh knows. */
export interface LookupTable {
  /** Names in all their forms. */
  readonly size: number;
  /**
   * Finds a name (lower case, with a dot at its end). Undefined for what the mesh does not know, and for other types than A and AAAA:
   * those are others' to answer.
   */
  lookup(name: string, type: number): Found | undefined;
}

interface Addresses {
  readonly v4: readonly Buffer[];
  readonly v6: readonly Buffer[];
}

/** The most hosts that a table is made for; a hundred times what meshes have. */
export const maxHosts = 1_000_000;

/**
 * Builds the table: hosts as they are, those of Kubernetes in their short forms too (`reviews` in its own namespace,
 * `reviews.default`, `reviews.default.svc`).
 * https://istio.io/latest/docs/ops/configuration/traffic-management/dns-proxy/
 */
export function buildLookupTable({ table }: NameTable, scope: LookupScope): LookupTable {
  const names = new Map<string, Addresses>();
  const parts = scope.domain.toLowerCase().split(".");
  // `default.svc.cluster.local` is `svc.cluster.local` in the namespace `default`.
  const domain = (parts[0] === scope.namespace ? parts.slice(1) : parts).join(".");
  for (const [host, info] of Object.entries(table)) {
    const addresses = addressesOf(info);
    if (addresses === undefined) continue;
    for (const name of formsOf(host, info, domain, scope.namespace)) names.set(name, addresses);
  }
  const [first] = scope.search;
  const suffix = first ? `.${first.toLowerCase().replace(/\.$/, "")}.` : undefined;
  return {
    size: names.size,
    lookup: (name, type) => {
      if (type !== recordType.a && type !== recordType.aaaa) return undefined;
      if (name.includes("\\")) return undefined; // no host has a dot within a label
      const of = ({ v4, v6 }: Addresses) => (type === recordType.a ? v4 : v6);
      const exact = names.get(name);
      if (exact !== undefined) return { addresses: of(exact) };
      const base = suffix === undefined ? undefined : baseOf(name, suffix);
      if (base !== undefined) {
        const known = names.get(base) ?? findWildcard(names, base);
        if (known !== undefined) {
          const addresses = of(known);
          return addresses.length === 0 ? { addresses } : { addresses, cname: base };
        }
      }
      const wild = findWildcard(names, name);
      return wild && { addresses: of(wild) };
    },
  };
}

/**
 * The name before the first search domain, with which a resolver asks for it first: `www.example.com.` for
 * `www.example.com.default.svc.cluster.local.` Answering that saves the client the other search domains.
 */
function baseOf(name: string, suffix: string): string | undefined {
  if (!name.endsWith(suffix)) return undefined;
  const base = `${name.slice(0, -suffix.length)}.`;
  // Twice the search domain is no resolver's doing.
  return base === "." || base.endsWith(suffix) ? undefined : base;
}

/** `*.b.example.com.`, then `*.example.com.`, for `a.b.example.com.` */
function findWildcard(names: ReadonlyMap<string, Addresses>, name: string): Addresses | undefined {
  for (let dot = name.indexOf("."); dot >= 0 && dot < name.length - 1; dot = name.indexOf(".", dot + 1)) {
    const found = names.get(`*${name.slice(dot)}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** All forms that a host is known by, in lower case and with a dot at the end. */
function formsOf(given: string, info: NameTable_NameInfo, domain: string, proxyNamespace: string): string[] {
  const host = given.toLowerCase().replace(/\.$/, "");
  const { registry, shortname, namespace } = info;
  const forms = [`${host}.`];
  // Of another domain there may be another service by the same short name.
  const near = registry === "Kubernetes" && domain !== "" && host.endsWith(`.${domain}`);
  if (!near || shortname === "" || namespace === "") return forms;
  const short = shortname.toLowerCase();
  const [service = ""] = domain.split(".");
  if (namespace === proxyNamespace) forms.push(`${short}.`);
  forms.push(`${short}.${namespace}.`, `${short}.${namespace}.${service}.`);
  return forms;
}

function addressesOf({ ips }: NameTable_NameInfo): Addresses | undefined {
  const all = ips.map(ipBytes).filter((bytes) => bytes !== undefined);
  if (all.length === 0) return undefined;
  return { v4: all.filter(({ length }) => length === 4), v6: all.filter(({ length }) => length === 16) };
}
