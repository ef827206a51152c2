import type { BackendRef, Destination } from "@weft/istio-api";
import type { Failure } from "../conditions.ts";
import type { Context } from "../context.ts";
import { type RejectedBackend, resolveBackend } from "../references/backends.ts";
import type { Referrer } from "../references/grants.ts";

/** For which route, and which of its parents, rules are converted. */
export interface RuleScope {
  readonly context: Context;
  readonly from: Referrer;
  readonly enforceGrants: boolean;
}

/** A backend with its share, where there is more than one. */
export interface WeightedBackend<Ref> {
  readonly ref: Ref;
  readonly destination: Destination;
  /** Absent for a lone backend, which gets everything. */
  readonly weight?: number;
}

/** Where a rule sends requests. */
export interface Backends<Ref> {
  readonly all: readonly WeightedBackend<Ref>[];
  readonly failure?: Failure | undefined;
}

/** Whether any requests go to any backend. */
export function hasBackends(refs: readonly BackendRef[] | undefined): boolean {
  return (refs ?? []).some(({ weight = 1 }) => weight > 0);
}

/** Resolves the backends of a rule; those of weight 0 are left out, those that are not there stay and answer 500. */
export function resolveBackends<Ref extends BackendRef>(
  refs: readonly Ref[],
  scope: RuleScope,
): Backends<Ref> | RejectedBackend {
  const chosen = refs.filter(({ weight = 1 }) => weight > 0);
  const all: WeightedBackend<Ref>[] = [];
  let failure: Failure | undefined;
  for (const ref of chosen) {
    const backend = resolveBackend(ref, scope);
    if ("rejected" in backend) return backend;
    failure = backend.failure ?? failure;
    const weight = chosen.length > 1 ? { weight: ref.weight ?? 1 } : {};
    all.push({ ref, destination: backend.destination, ...weight });
  }
  return { all, failure };
}
