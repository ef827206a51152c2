import type { BackendRef } from "@weft/istio-api";
import { serviceHostname } from "../names.ts";

/** Host names that the rules of a route lead to, whether or not they are there and may be used. */
export function backendHosts(
  rules: readonly { readonly backendRefs?: readonly BackendRef[] }[],
  routeNamespace: string,
  domainSuffix: string,
): ReadonlySet<string> {
  const refs = rules.flatMap(({ backendRefs = [] }) => backendRefs);
  return new Set(
    refs.map(({ kind, name, namespace = routeNamespace }) =>
      kind === "Hostname" ? name : serviceHostname(name, namespace, domainSuffix),
    ),
  );
}
