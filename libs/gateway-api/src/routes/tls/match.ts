import type { TLSMatchAttributes } from "@weft/istio-api";

/** The match of a TLSRoute: every name, where it has no hostnames. */
export function toTlsMatch(hostnames: readonly string[]): TLSMatchAttributes {
  return { sniHosts: hostnames.length > 0 ? hostnames : ["*"] };
}
