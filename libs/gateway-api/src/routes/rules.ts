import type { Failure } from "../conditions.ts";

/** What a rule becomes; with a failure, what is left of it answers 500 where that is due. */
export interface ConvertedRule<Route> {
  readonly route: Route;
  readonly failure?: Failure | undefined;
}

/** A rule that nothing can be made of, which leaves its whole route without effect. */
export interface RejectedRule {
  readonly rejected: Failure;
}

/** The routes of all rules, or of none. */
export interface ConvertedRules<Route> {
  readonly routes: readonly Route[];
  readonly failure?: Failure | undefined;
}

/** Puts the rules of a route together: one that is rejected takes the others with it. */
export function joinRules<Route>(
  rules: Iterable<ConvertedRule<Route> | RejectedRule>,
): ConvertedRules<Route> {
  const routes: Route[] = [];
  let failure: Failure | undefined;
  for (const rule of rules) {
    if ("rejected" in rule) return { routes: [], failure: rule.rejected };
    routes.push(rule.route);
    failure = rule.failure ?? failure;
  }
  return { routes, failure };
}

/** Two failures of one rule as one. */
export function joinFailures(a: Failure | undefined, b: Failure | undefined): Failure | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return { ...a, message: `${a.message}; ${b.message}` };
}
