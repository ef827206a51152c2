import { formatObjectRef, type ObjectRef } from "@weft/base";
import type { ResourceSet } from "@weft/envoy-api";
import { blamedBy, blamedFor } from "./blame.ts";
import type { ConnectedProxy } from "./proxies.ts";

/** Why something that was made of an object does not stand at its proxies. */
export interface Rejection {
  /** The object it came from; absent where that cannot be told. */
  readonly object?: ObjectRef;
  /** `withheld`: pilot did not send it, as the proxy would reject it; `nacked`: a proxy did reject it. */
  readonly kind: "withheld" | "nacked";
  readonly typeUrl: string;
  /** The resource; empty where the proxy named none. */
  readonly resource: string;
  readonly reason: string;
  /** Proxies it is about, at most {@link maxProxies}, and how many there are. */
  readonly proxies: readonly string[];
  readonly proxyCount: number;
}

/** Names of proxies that one rejection lists. */
const maxProxies = 10;
/** Rejections that are told apart. */
const maxRejections = 1_000;

/**
 * What stands between the objects and the proxies now: all that is withheld from connected proxies, and what they
 * rejected last, by the object at fault. For the status of objects, and for people.
 */
export function rejectionsOf(proxies: Iterable<ConnectedProxy>): readonly Rejection[] {
  const found = new Map<string, Rejection & { proxies: string[]; proxyCount: number }>();
  const add = (proxy: ConnectedProxy, rejection: Omit<Rejection, "proxies" | "proxyCount">) => {
    const { kind, typeUrl, resource, reason, object } = rejection;
    const key = [kind, typeUrl, resource, reason, object && formatObjectRef(object)].join("\n");
    const known = found.get(key);
    if (known === undefined && found.size >= maxRejections) return;
    const entry = known ?? { ...rejection, proxies: [], proxyCount: 0 };
    found.set(key, entry);
    entry.proxyCount++;
    if (entry.proxies.length < maxProxies) entry.proxies.push(proxy.node.name);
  };
  for (const proxy of proxies) {
    for (const { typeUrl, name, part, reason, origin } of proxy.set?.withheld ?? []) {
      const [object] = origin;
      const resource = part === undefined ? name : `${name} ${part}`;
      add(proxy, { kind: "withheld", typeUrl, resource, reason, ...(object ? { object } : {}) });
    }
    for (const { typeUrl, nacked, rejected } of proxy.connection.status()) {
      for (const [resource, { rejection }] of rejected) {
        const found = blamedFor(resource, typeUrl, proxy.set);
        for (const blamed of found.length === 0 ? [{ resource }] : found)
          add(proxy, { kind: "nacked", typeUrl, reason: rejection.message, ...blamed });
      }
      // Where it could not be told what is meant, what the message names.
      if (nacked === undefined || rejected.size > 0) continue;
      for (const blamed of blame(nacked.message, typeUrl, proxy.set))
        add(proxy, { kind: "nacked", typeUrl, reason: nacked.message, ...blamed });
    }
  }
  return [...found.values()];
}

function blame(
  message: string,
  typeUrl: string,
  set: ResourceSet | undefined,
): readonly { readonly resource: string; readonly object?: ObjectRef }[] {
  const blamed = blamedBy(message, typeUrl, set);
  return blamed.length === 0 ? [{ resource: "" }] : blamed;
}
