/** Which resources of one type a client wants. Immutable. */
export interface Interest {
  /** All of the type, whatever they are called. */
  readonly wildcard: boolean;
  /** Resources asked for by name, besides the wildcard. */
  readonly names: ReadonlySet<string>;
  /** Nothing was ever named, not even `*`: the wildcard is the one that older clients mean by naming nothing. */
  readonly legacy: boolean;
}

/** The name that asks for all resources of a type. */
export const wildcardName = "*";

/** Whether the client wants the resource of this name. */
export function covers(interest: Interest, name: string): boolean {
  return interest.wildcard || interest.names.has(name);
}

/**
 * What a state-of-the-world request asks for: its list replaces the one before. Returns `previous` itself where
 * nothing changed, as with every ACK.
 *
 * An empty list means all, as long as nothing was ever named on the stream; afterwards it means nothing.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return
 */
export function sotwInterest(previous: Interest | undefined, resourceNames: readonly string[]): Interest {
  if (resourceNames.length === 0 && (previous?.legacy ?? true)) return previous ?? legacyWildcard;
  const known = answers.get(resourceNames);
  if (known !== undefined && known.previous === previous) return known.next;
  const names = new Set(resourceNames);
  const wildcard = names.delete(wildcardName);
  const asked: Interest = { wildcard, names, legacy: false };
  const next = previous !== undefined && equal(previous, asked) ? previous : asked;
  answers.set(resourceNames, { previous, next });
  return next;
}

/**
 * What a list came to last. Streams in the same situation send the same requests, which are decoded once (share-decoded.ts): to look at
 * thousands of names again for each of them would hold up everything else.
 */
const answers = new WeakMap<
  readonly string[],
  { readonly previous: Interest | undefined; readonly next: Interest }
>();

/**
 * What an incremental request asks for: its lists add to and take from what was asked before. Returns `previous`
 * itself where nothing changed.
 *
 * A first request that names nothing means all; the first name ends that, and a client that wants both then names `*` as well.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return
 */
export function deltaInterest(
  previous: Interest | undefined,
  subscribe: readonly string[],
  unsubscribe: readonly string[],
): Interest {
  if (subscribe.length === 0 && (previous?.legacy ?? true)) {
    return unsubscribe.includes(wildcardName) ? nothing : (previous ?? legacyWildcard);
  }
  if (previous !== undefined && subscribe.length === 0 && unsubscribe.length === 0) return previous;
  const before = previous === undefined || previous.legacy ? nothing : previous;
  const names = new Set(before.names);
  if (before.wildcard) names.add(wildcardName);
  for (const name of subscribe) names.add(name);
  for (const name of unsubscribe) names.delete(name);
  const wildcard = names.delete(wildcardName);
  const next: Interest = { wildcard, names, legacy: false };
  return previous !== undefined && equal(previous, next) ? previous : next;
}

const legacyWildcard: Interest = { wildcard: true, names: new Set(), legacy: true };
const nothing: Interest = { wildcard: false, names: new Set(), legacy: false };

function equal(a: Interest, b: Interest): boolean {
  if (a.wildcard !== b.wildcard || a.legacy !== b.legacy || a.names.size !== b.names.size) return false;
  for (const name of a.names) if (!b.names.has(name)) return false;
  return true;
}
