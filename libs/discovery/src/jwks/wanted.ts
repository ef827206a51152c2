import { parseDuration } from "@weft/base";
import type { RequestAuthentication } from "@weft/istio-api";
import { type Config, keySetSourceKey, keySetSourceOf, type MeshSnapshot } from "@weft/mesh-model";
import type { WantedKeySet } from "./resolver.ts";

/** Istio's time for a fetch where a rule says nothing. */
const defaultTimeoutMs = 5000;

/** The longest that a rule can ask for. */
const maxTimeoutMs = 60_000;

/** The sources of keys that the policies of a mesh name, in their order; the longest of several times for one counts. */
export function wantedKeySets(snapshot: MeshSnapshot): readonly WantedKeySet[] {
  const wanted = new Map<string, WantedKeySet>();
  // The kind was validated on the way into the snapshot.
  const policies = (snapshot.configs.others.get("RequestAuthentication") ??
    []) as readonly Config<RequestAuthentication>[];
  for (const rule of policies.flatMap(({ spec }) => spec.jwtRules ?? [])) {
    const source = keySetSourceOf(rule);
    if (source === undefined || source.url === "") continue;
    const asked = (rule.timeout === undefined ? undefined : parseDuration(rule.timeout)) ?? defaultTimeoutMs;
    const key = keySetSourceKey(source);
    const timeoutMs = Math.max(wanted.get(key)?.timeoutMs ?? 1, Math.min(asked, maxTimeoutMs));
    wanted.set(key, { source, timeoutMs });
  }
  return [...wanted.values()];
}
