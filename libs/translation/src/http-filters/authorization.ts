import { ExtAuthzSchema } from "@weft/envoy-api/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import { RBACSchema } from "@weft/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { pack } from "../envoy/any.ts";
import type { AuthorizationChain, AuthorizationStep, ExternalStep } from "../ir/index.ts";
import { toHttpExtAuthz } from "../security/ext-authz.ts";
import { type RbacRules, toExternalRbac, toRbac } from "../security/rbac.ts";
import type { EnvoyHttpFilter, HttpFilterRule } from "./http-filter.ts";

function rbac(rules: RbacRules): EnvoyHttpFilter {
  return {
    name: "envoy.filters.http.rbac",
    configType: { case: "typedConfig", value: pack(RBACSchema, rules) },
  };
}

/** One RBAC filter for each action that has policies. */
function policyFilters(steps: readonly AuthorizationStep[]): EnvoyHttpFilter[] {
  return steps.map((step) => rbac(toRbac(step)));
}

/** The filters for those that can ask nobody else: what an authorizer would have to decide on is denied. */
export function authorizationFilters({ external, policies }: AuthorizationChain): EnvoyHttpFilter[] {
  const denied = external.map(({ rules }) => rbac(toExternalRbac({ rules })));
  return [...denied, ...policyFilters(policies)];
}

/** For each authorizer a filter that finds out whether it is wanted, and one that asks it. */
function externalAuthorizationFilters(steps: readonly ExternalStep[]): EnvoyHttpFilter[] {
  return steps.flatMap((step) => {
    const wanted = rbac(toExternalRbac(step));
    if (step.authorizer === undefined) return [wanted];
    const config = pack(ExtAuthzSchema, toHttpExtAuthz(step.authorizer));
    return [
      wanted,
      { name: "envoy.filters.http.ext_authz", configType: { case: "typedConfig", value: config } },
    ];
  });
}

/** Who may ask. */
export const authorization: HttpFilterRule = {
  name: "envoy.filters.http.rbac",
  build: (http) => policyFilters(http.authorization?.policies ?? []),
};

/** Whom others let ask. */
export const externalAuthorization: HttpFilterRule = {
  name: "envoy.filters.http.ext_authz",
  build: (http) => externalAuthorizationFilters(http.authorization?.external ?? []),
};
