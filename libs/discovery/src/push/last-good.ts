import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { type EncodedResource, type ResourceSet, typeUrls, type WithheldResource } from "@weft/envoy-api";
import { VirtualHostSchema } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { encodeResource, resourceSetOf } from "@weft/xds";

/** Gives proxies what they had in place of what is withheld. */
export interface LastGood {
  /** `set`, with what is withheld from it as the proxy had it before; `set` itself where there is nothing to add. */
  fill(nodeId: string, set: ResourceSet, before: ResourceSet | undefined): ResourceSet;
  /** The proxy has gone with this set: what stood in for withheld resources is kept for its return. */
  left(nodeId: string, set: ResourceSet | undefined): void;
}

/** Sets that are kept for proxies that went; more, and the oldest is forgotten. */
const maxKept = 1_000;

/** Creates a {@link LastGood}. It keeps sets of proxies that are gone only while something is withheld from them. */
export function createLastGood(): LastGood {
  const kept = new Map<string, ResourceSet>();
  /** Proxies that share both sets share the result. */
  const filled = new WeakMap<ResourceSet, WeakMap<ResourceSet, ResourceSet>>();
  return {
    fill: (nodeId, set, before) => {
      const { withheld } = set;
      const last = before ?? kept.get(nodeId);
      kept.delete(nodeId);
      if (withheld === undefined || last === undefined) return set;
      let results = filled.get(set);
      if (results === undefined) {
        results = new WeakMap();
        filled.set(set, results);
      }
      const result = results.get(last) ?? fillFrom(set, withheld, last);
      results.set(last, result);
      return result;
    },
    left: (nodeId, set) => {
      if (set?.withheld === undefined) return;
      kept.delete(nodeId);
      kept.set(nodeId, set);
      const [oldest] = kept.keys();
      if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
    },
  };
}

function fillFrom(set: ResourceSet, withheld: readonly WithheldResource[], last: ResourceSet): ResourceSet {
  const types = new Map(Object.values(typeUrls).map((typeUrl) => [typeUrl as string, set.ofType(typeUrl)]));
  let changed = false;
  const put = (typeUrl: string, resource: EncodedResource) => {
    types.set(typeUrl, new Map(types.get(typeUrl)).set(resource.name, resource));
    changed = true;
  };
  for (const { typeUrl, name, part } of withheld) {
    const before = last.ofType(typeUrl).get(name);
    if (before === undefined) continue;
    const now = types.get(typeUrl)?.get(name);
    const fits = typeUrl !== typeUrls.virtualHost || fitsIn(before, types.get(typeUrl) ?? new Map());
    if (part === undefined) {
      if (fits) put(typeUrl, before);
    } else if (now !== undefined) {
      const table = withHost(now, before, part);
      if (table !== undefined) put(typeUrl, table);
    }
  }
  if (!changed) return set;
  return Object.freeze({ ...resourceSetOf(types, set), withheld });
}

/** Whether a virtual host that is a resource of its own has its domains to itself: a table with a domain twice is rejected. */
function fitsIn(host: EncodedResource, hosts: ReadonlyMap<string, EncodedResource>): boolean {
  const table = host.name.slice(0, host.name.lastIndexOf("/") + 1);
  const domains = domainsOf(host);
  return [...hosts.values()]
    .filter(({ name }) => name.startsWith(table) && name !== host.name)
    .every((other) => domainsOf(other).isDisjointFrom(domains));
}

function domainsOf({ any }: EncodedResource): Set<string> {
  const { domains } = fromBinary(VirtualHostSchema, fromBinary(AnySchema, any).value);
  return new Set(domains.map((domain) => domain.toLowerCase()));
}

/** The table with the virtual host that it had before; undefined where it had none that fits in. */
function withHost(
  table: EncodedResource,
  before: EncodedResource,
  name: string,
): EncodedResource | undefined {
  const message = decodeTable(table);
  const host = decodeTable(before).virtualHosts.find((candidate) => candidate.name === name);
  if (host === undefined) return undefined;
  // Others may have taken its domains since: a table with a domain twice is rejected.
  const domains = new Set(message.virtualHosts.flatMap((other) => other.domains.map((d) => d.toLowerCase())));
  const taken = message.virtualHosts.some((other) => other.name === name);
  if (taken || host.domains.some((domain) => domains.has(domain.toLowerCase()))) return undefined;
  message.virtualHosts.push(host);
  const value = toBinary(RouteConfigurationSchema, message);
  return { ...encodeResource(table.name, table.typeUrl, value), origin: table.origin };
}

function decodeTable({ any }: EncodedResource): RouteConfiguration {
  const { value }: Any = fromBinary(AnySchema, any);
  return value.length === 0 ? create(RouteConfigurationSchema) : fromBinary(RouteConfigurationSchema, value);
}
