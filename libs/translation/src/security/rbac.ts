import type { MessageInitShape } from "@bufbuild/protobuf";
import { assertNever } from "@weft/base";
import {
  type PermissionSchema,
  type PrincipalSchema,
  RBAC_Action,
  type RBACSchema,
} from "@weft/envoy-api/envoy/config/rbac/v3/rbac_pb.js";
import type { HeaderMatcherSchema } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { UriTemplateMatchConfigSchema } from "@weft/envoy-api/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import { pack } from "../envoy/any.ts";
import { toStringMatcher } from "../envoy/string-match.ts";
import type { AuthorizationStep, Permission, Principal, StringMatch } from "../ir/index.ts";

type EnvoyPermission = MessageInitShape<typeof PermissionSchema>;
type EnvoyPrincipal = MessageInitShape<typeof PrincipalSchema>;

function toHeader(
  name: string,
  value: StringMatch | { readonly kind: "present" },
): MessageInitShape<typeof HeaderMatcherSchema> {
  return {
    name,
    headerMatchSpecifier:
      value.kind === "present"
        ? { case: "presentMatch", value: true }
        : { case: "stringMatch", value: toStringMatcher(value) },
  };
}

function toPermission(p: Permission): EnvoyPermission {
  switch (p.kind) {
    case "any":
      return { rule: { case: "any", value: true } };
    case "all":
      return { rule: { case: "andRules", value: { rules: p.of.map(toPermission) } } };
    case "one":
      return { rule: { case: "orRules", value: { rules: p.of.map(toPermission) } } };
    case "not":
      return { rule: { case: "notRule", value: toPermission(p.of) } };
    case "header":
      return { rule: { case: "header", value: toHeader(p.name, p.value) } };
    case "path":
      return {
        rule: { case: "urlPath", value: { rule: { case: "path", value: toStringMatcher(p.value) } } },
      };
    case "path-template":
      return {
        rule: {
          case: "uriTemplate",
          value: {
            name: "uri-template",
            typedConfig: pack(UriTemplateMatchConfigSchema, { pathTemplate: p.value }),
          },
        },
      };
    case "destination-port":
      return { rule: { case: "destinationPort", value: p.port } };
    case "destination-ip":
      return { rule: { case: "destinationIp", value: { addressPrefix: p.address, prefixLen: p.length } } };
    case "server-name":
      return { rule: { case: "requestedServerName", value: toStringMatcher(p.value) } };
    default:
      return assertNever(p);
  }
}

function toPrincipal(p: Principal): EnvoyPrincipal {
  switch (p.kind) {
    case "any":
      return { identifier: { case: "any", value: true } };
    case "all":
      return { identifier: { case: "andIds", value: { ids: p.of.map(toPrincipal) } } };
    case "one":
      return { identifier: { case: "orIds", value: { ids: p.of.map(toPrincipal) } } };
    case "not":
      return { identifier: { case: "notId", value: toPrincipal(p.of) } };
    case "authenticated":
      return { identifier: { case: "authenticated", value: { principalName: toStringMatcher(p.name) } } };
    case "direct-ip":
      return {
        identifier: { case: "directRemoteIp", value: { addressPrefix: p.address, prefixLen: p.length } },
      };
    case "remote-ip":
      return { identifier: { case: "remoteIp", value: { addressPrefix: p.address, prefixLen: p.length } } };
    case "header":
      return { identifier: { case: "header", value: toHeader(p.name, p.value) } };
    default:
      return assertNever(p);
  }
}

const actions = { ALLOW: RBAC_Action.ALLOW, DENY: RBAC_Action.DENY, AUDIT: RBAC_Action.LOG } as const;

/** Prefix of dry-run statistics, which tools look for. */
export const shadowRulesStatPrefix = "istio_dry_run_allow_";

/** Envoy's RBAC rules for one step. */
export function toRbac(step: AuthorizationStep): MessageInitShape<typeof RBACSchema> {
  return {
    action: actions[step.action],
    policies: Object.fromEntries(
      step.rules.map((rule) => [
        rule.name,
        { permissions: rule.permissions.map(toPermission), principals: rule.principals.map(toPrincipal) },
      ]),
    ),
  };
}
