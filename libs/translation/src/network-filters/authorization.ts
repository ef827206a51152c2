import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FilterSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { ExtAuthzSchema } from "@weft/envoy-api/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js";
import { RBACSchema } from "@weft/envoy-api/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import { pack } from "../envoy/any.ts";
import type { AuthorizationChain } from "../ir/index.ts";
import { toNetworkExtAuthz } from "../security/ext-authz.ts";
import { type RbacRules, toExternalRbac, toRbac } from "../security/rbac.ts";

type EnvoyFilter = MessageInitShape<typeof FilterSchema>;

function rbac(rules: RbacRules): EnvoyFilter {
  return {
    name: "envoy.filters.network.rbac",
    configType: { case: "typedConfig", value: pack(RBACSchema, { ...rules, statPrefix: "tcp." }) },
  };
}

/** Who may connect: first what others decide, then one filter for each action that has policies. */
export function networkAuthorization({ external, policies }: AuthorizationChain): EnvoyFilter[] {
  const asked = external.flatMap((step): EnvoyFilter[] => {
    const wanted = rbac(toExternalRbac(step));
    if (step.authorizer === undefined) return [wanted];
    const config = pack(ExtAuthzSchema, toNetworkExtAuthz(step.authorizer));
    return [
      wanted,
      { name: "envoy.filters.network.ext_authz", configType: { case: "typedConfig", value: config } },
    ];
  });
  return [...asked, ...policies.map((step) => rbac(toRbac(step)))];
}
