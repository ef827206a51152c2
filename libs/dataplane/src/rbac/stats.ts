import type { Counter, StatsScope } from "../runtime/stats.ts";
import type { RbacVerdict } from "./engine.ts";

/** What is counted, and under which of Envoy's names. */
export interface VerdictCounterOptions {
  /** The scope `….rbac`. */
  readonly scope: StatsScope;
  /** A part of the name of its own; empty for none. */
  readonly prefix: string;
  readonly shadow?: boolean;
  /** Counts for each policy besides. */
  readonly perPolicy?: boolean;
}

/** Counts verdicts: `<prefix>.allowed`, `<prefix>.shadow_denied`, `<prefix>.policy.<name>.allowed`. */
export function createVerdictCounter(options: VerdictCounterOptions): (verdict: RbacVerdict) => void {
  const { prefix, shadow = false, perPolicy = false } = options;
  const scope = prefix === "" ? options.scope : options.scope.scope(prefix.replace(/\.$/, ""));
  const words = shadow
    ? { allowed: "shadow_allowed", denied: "shadow_denied" }
    : { allowed: "allowed", denied: "denied" };
  const allowed = scope.counter(words.allowed);
  const denied = scope.counter(words.denied);
  // No more entries than there are policies, twice.
  const policies = new Map<string, Counter>();
  return (verdict) => {
    (verdict.allowed ? allowed : denied).inc();
    if (!perPolicy || verdict.policy === undefined) return;
    const name = `policy.${verdict.policy}.${verdict.allowed ? words.allowed : words.denied}`;
    let counter = policies.get(name);
    if (counter === undefined) {
      counter = scope.counter(name);
      policies.set(name, counter);
    }
    counter.inc();
  };
}
