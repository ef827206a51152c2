import { formatObjectRef, type ObjectRef } from "@weft/base";
import type { ResourceSet } from "@weft/envoy-api";

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

/** The proxy's message, and what it may be about. */
export function describeRejection(message: string, typeUrl: string, set: ResourceSet | undefined): string {
  const objects = blamedBy(message, typeUrl, set).map(({ object }) => formatObjectRef(object));
  return objects.length === 0 ? message : `${message} (made from ${objects.join(", ")})`;
}
