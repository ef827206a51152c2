import type { HTTPRoute } from "@weft/istio-api";
import { each, type Findings } from "../findings.ts";
import { isDnsLabel } from "../names.ts";
import { checkDuration, checkPercent } from "../values.ts";
import { checkDirectResponse, checkRedirect, checkRewrite } from "./actions.ts";
import { checkCors } from "./cors.ts";
import { checkDestination, checkWeighted } from "./destination.ts";
import { checkFault } from "./fault.ts";
import { checkHeaders } from "./headers.ts";
import { checkHttpMatch } from "./http-match.ts";
import { checkRetries } from "./retries.ts";

/** Pairs that cannot stand in one route, and why. */
const conflicts: readonly (readonly [keyof HTTPRoute, keyof HTTPRoute, string])[] = [
  ["route", "redirect", "a redirected request reaches no destination"],
  ["route", "directResponse", "a request answered directly reaches no destination"],
  ["redirect", "directResponse", "a request gets one answer"],
  ["redirect", "fault", "faults belong to forwarded requests"],
  ["redirect", "rewrite", "a redirect says itself where to go"],
  ["directResponse", "rewrite", "a request answered directly is not sent on"],
  ["delegate", "route", "the delegate says where traffic goes"],
  ["delegate", "redirect", "the delegate says where traffic goes"],
  ["delegate", "directResponse", "the delegate says where traffic goes"],
  ["mirror", "mirrors", "mirrors stands for both"],
];

/** Checks an HTTP route, of a VirtualService with hosts or of a delegate. */
export function checkHttpRoute(route: HTTPRoute, isDelegate: boolean, findings: Findings): void {
  for (const [a, b, reason] of conflicts) {
    if (isSet(route[a]) && isSet(route[b]))
      findings.error(b, "conflicting-fields", `must not be set beside ${a}: ${reason}`);
  }
  checkAction(route, isDelegate, findings);
  each(route.match, "match", findings, checkHttpMatch);
  checkPrefixRewrite(route, findings);
  checkWeighted(route.route ?? [], findings);
  each(route.route, "route", findings, ({ headers }, at) => checkHeaders(headers, at.at("headers")));
  checkHeaders(route.headers, findings.at("headers"));
  if (route.redirect) checkRedirect(route.redirect, findings.at("redirect"));
  if (route.directResponse) checkDirectResponse(route.directResponse, findings.at("directResponse"));
  if (route.rewrite) checkRewrite(route.rewrite, findings.at("rewrite"));
  if (route.fault) checkFault(route.fault, findings.at("fault"));
  if (route.retries) checkRetries(route.retries, findings.at("retries"));
  if (route.corsPolicy) checkCors(route.corsPolicy, findings.at("corsPolicy"));
  checkDuration(route.timeout, "timeout", findings);
  checkMirrors(route, findings);
}

function isSet(value: HTTPRoute[keyof HTTPRoute]): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

function checkAction(route: HTTPRoute, isDelegate: boolean, findings: Findings): void {
  const { delegate } = route;
  const actions = [route.route, route.redirect, route.directResponse, delegate];
  if (!actions.some(isSet)) {
    const allowed = isDelegate
      ? "route, redirect or directResponse"
      : "route, redirect, directResponse or delegate";
    findings.error("", "no-action", `says not what to do with requests; one of ${allowed} must be set`);
  }
  if (delegate === undefined) return;
  if (isDelegate) findings.error("delegate", "invalid-delegate", "must not be set in a delegate");
  const { name = "", namespace } = delegate;
  if (!isDnsLabel(name.replaceAll(".", "-")))
    findings.error("delegate.name", "invalid-name", `"${name}" is not the name of a VirtualService`);
  if (namespace !== undefined && namespace !== "" && !isDnsLabel(namespace))
    findings.error("delegate.namespace", "invalid-name", `"${namespace}" is not the name of a namespace`);
}

/** Only of a request matched by prefix is it known what to put the new prefix in place of. */
function checkPrefixRewrite({ redirect, match }: HTTPRoute, findings: Findings): void {
  if (!redirect?.prefixRewrite) return;
  each(match, "match", findings, ({ uri }, at) => {
    if (uri && uri.prefix === undefined)
      at.error(
        "uri",
        "invalid-redirect",
        "must match a prefix, as the redirect replaces one (prefixRewrite)",
      );
  });
}

function checkMirrors(route: HTTPRoute, findings: Findings): void {
  if (route.mirror) checkDestination(route.mirror, findings.at("mirror"));
  checkPercent(route.mirrorPercentage?.value, "mirrorPercentage.value", findings);
  for (const name of ["mirrorPercent", "mirror_percent"] as const) {
    if (route[name] === undefined) continue;
    findings.warn(name, "deprecated-field", "is deprecated; use mirrorPercentage");
    checkPercent(route[name], name, findings);
  }
  each(route.mirrors, "mirrors", findings, ({ destination, percentage }, at) => {
    checkDestination(destination, at.at("destination"));
    checkPercent(percentage?.value, "percentage.value", at);
  });
}
