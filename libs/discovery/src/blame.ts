import { formatObjectRef, type ObjectRef } from "@weft/base";
import type { ResourceSet } from "@weft/envoy-api";
import type { TypeStatus } from "@weft/xds";

/** A resource that a proxy's message names, and an object it was made from. */
export interface Blamed {
  readonly resource: string;
  readonly object: ObjectRef;
}

/** Objects that one message names at most: a proxy that rejects everything is no help. */
const maxObjects = 10;

/**
 * The configuration objects that a rejected response may be about: the origins of those resources whose names the proxy's message holds,
 * as Envoy's does (`Error adding/updating listener(s) 0.0.0.0_80: …`). Empty where the message names none.
 */
export function blamedBy(message: string, typeUrl: string, set: ResourceSet | undefined): readonly Blamed[] {
  const found = new Map<string, Blamed>();
  for (const { name, origin } of set?.ofType(typeUrl).values() ?? []) {
    if (!message.includes(name)) continue;
    for (const object of origin) {
      const key = formatObjectRef(object);
      if (!found.has(key)) found.set(key, { resource: name, object });
    }
  }
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.slice(0, maxObjects).map(([, blamed]) => blamed);
}

/** The objects that a rejected resource was made from, those that an operator wrote for the mesh before the services they are about. */
export function blamedFor(
  resource: string,
  typeUrl: string,
  set: ResourceSet | undefined,
): readonly Blamed[] {
  const origin = set?.ofType(typeUrl).get(resource)?.origin ?? [];
  const written = origin.filter(({ apiVersion }) => apiVersion !== "v1");
  return (written.length > 0 ? written : origin).slice(0, maxObjects).map((object) => ({ resource, object }));
}

/** Resources that a description tells of; the rest is counted. */
const maxDescribed = 5;

/** What a proxy rejected of a type, and what that was made from: resource by resource where that is known. */
export function describeRejected(
  { typeUrl, rejected, nacked }: Pick<TypeStatus, "typeUrl" | "rejected" | "nacked">,
  set: ResourceSet | undefined,
): string {
  if (rejected.size === 0) return describeRejection(nacked?.message ?? "", typeUrl, set);
  const lines = [...rejected].slice(0, maxDescribed).map(([name, { rejection }]) => {
    const objects = blamedFor(name, typeUrl, set).map(({ object }) => formatObjectRef(object));
    const from = objects.length === 0 ? "" : ` (made from ${objects.join(", ")})`;
    return `${name}: ${rejection.message}${from}`;
  });
  const more = rejected.size - lines.length;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

/** The proxy's message, and what it may be about. */
export function describeRejection(message: string, typeUrl: string, set: ResourceSet | undefined): string {
  const objects = blamedBy(message, typeUrl, set).map(({ object }) => formatObjectRef(object));
  return objects.length === 0 ? message : `${message} (made from ${objects.join(", ")})`;
}
