import { formatObjectRef } from "@weft/base";
import type { ResourceSet } from "@weft/envoy-api";

/** Objects that one message names at most: a proxy that rejects everything is no help. */
const maxObjects = 10;

/**
 * The configuration objects that a rejected response may be about: the origins of those resources whose names the proxy's message holds,
 * as Envoy's does (`Error adding/updating listener(s) 0.0.0.0_80: …`). Empty where the message names none.
 */
export function blameObjects(
  message: string,
  typeUrl: string,
  set: ResourceSet | undefined,
): readonly string[] {
  const found = new Set<string>();
  for (const { name, origin } of set?.ofType(typeUrl).values() ?? []) {
    if (!message.includes(name)) continue;
    for (const ref of origin) found.add(formatObjectRef(ref));
  }
  return [...found].sort().slice(0, maxObjects);
}

/** The proxy's message, and what it may be about. */
export function describeRejection(message: string, typeUrl: string, set: ResourceSet | undefined): string {
  const objects = blameObjects(message, typeUrl, set);
  return objects.length === 0 ? message : `${message} (made from ${objects.join(", ")})`;
}
