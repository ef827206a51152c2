import { isIP } from "node:net";
import type { L4MatchAttributes, TCPRoute, TLSMatchAttributes, TLSRoute } from "@weft/istio-api";
import { hostCovers } from "@weft/mesh-model";
import { each, type Findings } from "../findings.ts";
import { checkPort, isSubnet, wildcardDomainMessage } from "../names.ts";
import { checkWeighted } from "./destination.ts";
import { checkGatewayNames } from "./gateway-names.ts";
import { checkSource } from "./http-match.ts";

/** Checks a route for TLS that is passed through; `hosts` are those of the VirtualService. */
export function checkTlsRoute(route: TLSRoute, hosts: readonly string[], findings: Findings): void {
  if (route.match.length === 0)
    findings.error("match", "no-match", "is empty; a TLS route must match by sniHosts");
  each(route.match, "match", findings, (match, at) => {
    checkLayer4Match(match, at);
    if (match.sniHosts.length === 0) at.error("sniHosts", "no-match", "is empty; name at least one host");
    match.sniHosts.forEach((sni, i) => {
      checkSni(sni, `sniHosts[${i}]`, hosts, at);
    });
  });
  checkRoutes(route, findings);
}

function checkSni(sni: string, path: string, hosts: readonly string[], findings: Findings): void {
  if (isIP(sni) !== 0) {
    // Clients send no SNI for addresses: https://www.rfc-editor.org/rfc/rfc6066#section-3
    findings.warn(path, "invalid-host", `"${sni}" is an address, which no client sends as SNI; name a host`);
    return;
  }
  const message = wildcardDomainMessage(sni);
  if (message !== undefined) findings.error(path, "invalid-host", message);
  else if (!hosts.some((host) => hostCovers(host, sni)))
    findings.error(path, "invalid-host", `"${sni}" is none of the hosts of the VirtualService`);
}

/** Checks a route for TCP. */
export function checkTcpRoute(route: TCPRoute, findings: Findings): void {
  each(route.match, "match", findings, (match, at) => {
    checkLayer4Match(match, at);
    if (match.sourceSubnet !== undefined && match.sourceSubnet !== "" && !isSubnet(match.sourceSubnet))
      at.error("sourceSubnet", "invalid-subnet", subnetMessage(match.sourceSubnet));
  });
  checkRoutes(route, findings);
}

function checkRoutes({ route = [] }: TCPRoute | TLSRoute, findings: Findings): void {
  if (route.length === 0) findings.error("route", "no-action", "is empty; it must name a destination");
  checkWeighted(route, findings);
}

function checkLayer4Match(match: L4MatchAttributes | TLSMatchAttributes, findings: Findings): void {
  checkPort(match.port, "port", findings);
  checkSource(match, findings);
  checkGatewayNames(match.gateways, findings);
  match.destinationSubnets?.forEach((subnet, i) => {
    if (!isSubnet(subnet))
      findings.error(`destinationSubnets[${i}]`, "invalid-subnet", subnetMessage(subnet));
  });
}

function subnetMessage(subnet: string): string {
  return `"${subnet}" is not a subnet; allowed are addresses and prefixes, as 10.0.0.0/8`;
}
