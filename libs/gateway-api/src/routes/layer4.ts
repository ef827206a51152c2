import type { BackendRef, RouteDestination } from "@weft/istio-api";
import type { Failure } from "../conditions.ts";
import { hasBackends, type RuleScope, resolveBackends } from "./destinations.ts";

/** A destination that is never there, so that connections are closed: a rule without backends must refuse them. */
const refusing: RouteDestination = {
  destination: { host: "internal.cluster.local", subset: "zero-weight", port: { number: 65535 } },
};

/** The destinations of a rule of a TCPRoute or TLSRoute. */
export function layer4Destinations(
  refs: readonly BackendRef[] | undefined,
  scope: RuleScope,
):
  | { readonly destinations: readonly RouteDestination[]; readonly failure?: Failure | undefined }
  | { readonly rejected: Failure } {
  if (!hasBackends(refs)) return { destinations: [refusing] };
  const backends = resolveBackends(refs ?? [], scope);
  if ("rejected" in backends) return backends;
  const destinations = backends.all.map(({ destination, weight }) =>
    weight === undefined ? { destination } : { destination, weight },
  );
  return { destinations, failure: backends.failure };
}
