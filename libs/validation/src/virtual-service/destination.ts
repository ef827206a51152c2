import type { Destination } from "@weft/istio-api";
import { each, type Findings } from "../findings.ts";
import { checkPort, isDnsLabel, isWildcardDomain } from "../names.ts";

/** Checks where traffic is sent to. */
export function checkDestination(destination: Destination, findings: Findings): void {
  const { host, subset, port } = destination;
  if (host === "*" || !isWildcardDomain(host)) {
    const message = `"${host}" is not a host; allowed are names of services, short or whole`;
    findings.error("host", "invalid-host", message);
  }
  if (subset !== undefined && !isSubsetName(subset)) {
    const message = `"${subset}" is not the name of a subset; allowed are letters, digits and -`;
    findings.error("subset", "invalid-subset", message);
  }
  if (port === undefined) return;
  if (port.number === undefined) findings.error("port.number", "missing-field", "is missing; it must be set");
  else checkPort(port.number, "port.number", findings);
}

/** Whether a text can name a subset; empty means none. */
export function isSubsetName(name: string): boolean {
  return name === "" || isDnsLabel(name);
}

/** Checks the destinations of a route and their weights. */
export function checkWeighted(
  routes: readonly { readonly destination: Destination; readonly weight?: number }[],
  findings: Findings,
): void {
  each(routes, "route", findings, ({ destination, weight }, at) => {
    checkDestination(destination, at.at("destination"));
    if (weight !== undefined && weight < 0)
      at.error("weight", "invalid-weight", `${weight} is negative; allowed are 0 and above`);
  });
  const total = routes.reduce((sum, { weight = 0 }) => sum + weight, 0);
  if (routes.length > 1 && total === 0)
    findings.error(
      "route",
      "invalid-weight",
      "has several destinations and no weight; at least one must be above 0",
    );
}
