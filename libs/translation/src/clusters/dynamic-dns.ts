import { isIP } from "node:net";
import { isHttp, isTls, type Service, type ServicePort } from "@weft/mesh-model";
import type { BuildContext } from "../context.ts";
import type { DnsCache } from "../ir/index.ts";
import { fixedBackends } from "../names.ts";

/** Filters of Envoy that look up the hosts of requests and of handshakes. */
const lookupFilters = [
  "envoy.filters.http.dynamic_forward_proxy",
  "envoy.filters.network.sni_dynamic_forward_proxy",
];

/** Whether a proxy can look up the hosts of requests: all can but those that list their extensions without these. */
export function looksUpHosts({ node }: BuildContext["view"]): boolean {
  return lookupFilters.every((name) => node.extensions?.includes(name) ?? true);
}

/** Whether traffic to a port of a DYNAMIC_DNS service says itself which host it is for: requests and handshakes do. */
export function namesItsHost({ protocol }: ServicePort): boolean {
  // What is called HTTPS may be anything behind its handshake, as in Istio.
  return isHttp(protocol) || (isTls(protocol) && protocol !== "HTTPS");
}

/** The addresses that a proxy asks DNS for. */
export function dnsFamilyOf({ view }: Pick<BuildContext, "view">): DnsCache["family"] {
  return view.node.ipAddresses.some((address) => isIP(address) === 4) ? "v4" : "v6";
}

/** Where the addresses of a host, or of what requests ask for, are kept. */
export function dnsCache(context: BuildContext, name: string): DnsCache {
  return {
    name: `${name}_dfp_dns_cache`,
    family: dnsFamilyOf(context),
    refreshMs: context.mesh.dnsRefreshRateMs,
  };
}

/** Whether requests to unknown hosts go where DNS says, for a proxy that can look them up. */
export function looksUpUnknown({ view }: BuildContext): boolean {
  const { mode, egressProxy } = view.scope.outboundTrafficPolicy;
  return mode === "ALLOW_ANY_DYNAMIC_DNS" && egressProxy === undefined && looksUpHosts(view);
}

/** The caches that requests to services may need an entry in: to those with this port, or to all. */
export function serviceCaches(
  context: BuildContext,
  services: readonly Service[],
  port?: number,
): readonly DnsCache[] {
  if (!looksUpHosts(context.view)) return [];
  const serves = (one: ServicePort) => (port === undefined || one.port === port) && isHttp(one.protocol);
  // Asked for each port of each service: few services are of the kind, if any.
  const all = context.memo.get([services], "dynamic-dns", () =>
    services.filter(({ resolution }) => resolution === "DynamicDNS"),
  );
  const dynamic = all.filter(({ ports }) => ports.some(serves));
  const names = [...new Set(dynamic.map(({ hostname }) => hostname))].sort();
  return names.map((name) => dnsCache(context, name));
}

/** The caches that requests of the own workload may need an entry in: of services, and of hosts that none stands for. */
export function outboundCaches(
  context: BuildContext,
  services: readonly Service[],
  port?: number,
): readonly DnsCache[] {
  const known = serviceCaches(context, services, port);
  return looksUpUnknown(context) ? [...known, dnsCache(context, fixedBackends.dynamicDns)] : known;
}
