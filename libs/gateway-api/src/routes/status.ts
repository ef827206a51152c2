import type { ParentReference } from "@weft/istio-api";
import { type Condition, conditionsOf, type Failure } from "../conditions.ts";
import { gatewayController } from "../names.ts";
import { type RouteParent, refKey } from "./parents.ts";

/** What is said of a route for one of its parentRefs. */
export interface RouteParentStatus {
  readonly parentRef: ParentReference;
  readonly controllerName: string;
  readonly conditions: readonly Condition[];
}

/** What is wrong with the rules of a route, where they apply to gateways and where to the mesh. */
export interface RuleFailures {
  readonly listener?: Failure | undefined;
  readonly mesh?: Failure | undefined;
}

/** Of the reasons why listeners do not take a route the one that says most: it came furthest. */
const ranks = [
  "NotAllowedByListeners",
  "NoMatchingListenerHostname",
  "ParentRefConflict",
  "NoMatchingParent",
];

/** The one denial to tell of a parentRef that several listeners answer: none, where any takes the route. */
function denialOf(parents: readonly RouteParent[]): Failure | undefined {
  const denials = parents.flatMap(({ denied }) => (denied ? [denied] : []));
  if (denials.length < parents.length) return undefined;
  const rank = (failure: Failure) => ranks.indexOf(failure.reason);
  const best = Math.min(...denials.map(rank));
  const told = denials.filter((failure) => rank(failure) === best);
  const [first] = told;
  if (first === undefined) return undefined;
  return { reason: first.reason, message: [...new Set(told.map(({ message }) => message))].join("; ") };
}

/** The parents of a route's status: one entry for each parentRef, whatever the number of listeners it names. */
export function routeStatus(
  parents: readonly RouteParent[],
  failures: RuleFailures,
  namespace: string,
): { readonly parents: readonly RouteParentStatus[] } {
  const byRef = Map.groupBy(parents, ({ ref }) => refKey(ref, namespace));
  const entries = [...byRef].sort(([a], [b]) => (a > b ? -1 : 1));
  return {
    parents: entries.flatMap(([, ofRef]) => {
      const [first] = ofRef;
      if (first === undefined) return [];
      const bound = ofRef.filter(({ denied }) => denied === undefined).length;
      return [
        {
          parentRef: first.ref,
          controllerName: gatewayController,
          conditions: conditionsOf("route", {
            failures: { Accepted: denialOf(ofRef), ResolvedRefs: failures[first.kind] },
            ...(bound > 1 ? { messages: { Accepted: `Route was valid, bound to ${bound} parents` } } : {}),
          }),
        },
      ];
    }),
  };
}
