import { isIP } from "node:net";
import type { VirtualService } from "@weft/istio-api";
import { type Config, hostsOverlap } from "@weft/mesh-model";
import { checkExportTo } from "../export-to.ts";
import { each, type Findings } from "../findings.ts";
import { isWildcardDomain, wildcardDomainMessage } from "../names.ts";
import { checkGatewayNames } from "./gateway-names.ts";
import { checkHttpRoute } from "./http-route.ts";
import { checkTcpRoute, checkTlsRoute } from "./layer4-route.ts";

/** Checks a VirtualService: https://istio.io/latest/docs/reference/config/networking/virtual-service/ */
export function checkVirtualService(config: Config<VirtualService>, findings: Findings): void {
  const { spec, namespace } = config;
  const { hosts = [], gateways = [], http = [], tcp = [], tls = [] } = spec;
  checkExportTo(spec.exportTo, { namespace }, findings);
  const isDelegate = hosts.length === 0;
  if (isDelegate) checkDelegate(spec, findings);
  else {
    const forMesh = gateways.length === 0 || gateways.includes("mesh");
    checkHosts(hosts, forMesh, findings);
    checkGatewayNames(gateways, findings);
  }
  if (http.length + tcp.length + tls.length === 0)
    findings.error("", "no-routes", "has no routes; one of http, tcp and tls must be set");
  each(http, "http", findings, (route, at) => checkHttpRoute(route, isDelegate, at));
  each(tls, "tls", findings, (route, at) => checkTlsRoute(route, hosts, at));
  each(tcp, "tcp", findings, checkTcpRoute);
}

function checkDelegate(spec: VirtualService, findings: Findings): void {
  if ((spec.gateways ?? []).length > 0)
    findings.error(
      "gateways",
      "invalid-delegate",
      "must not be set without hosts: a delegate is bound by its root",
    );
  if ((spec.tcp ?? []).length + (spec.tls ?? []).length > 0)
    findings.error(
      "",
      "invalid-delegate",
      "has tcp or tls routes but no hosts; a delegate has http routes only",
    );
}

function checkHosts(hosts: readonly string[], forMesh: boolean, findings: Findings): void {
  hosts.forEach((host, i) => {
    const message = isIP(host) === 0 ? wildcardDomainMessage(host) : undefined;
    if (message !== undefined) findings.error(`hosts[${i}]`, "invalid-host", message);
    else if (host === "*" && forMesh) {
      const allowed = "allowed only with gateways other than mesh";
      findings.error(
        `hosts[${i}]`,
        "invalid-host",
        `"*" would take all traffic of the mesh; it is ${allowed}`,
      );
    }
    const other = hosts.slice(0, i).find((before) => isWildcardDomain(before) && hostsOverlap(before, host));
    if (other !== undefined && message === undefined)
      findings.error(
        `hosts[${i}]`,
        "duplicate-host",
        `"${host}" overlaps with "${other}"; name each host once`,
      );
  });
}
