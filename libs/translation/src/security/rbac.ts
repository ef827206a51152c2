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
import { toMetadataMatcher } from "../envoy/metadata-match.ts";
import { toStringMatcher } from "../envoy/string-match.ts";
import type {
  AuthorizationRule,
  AuthorizationStep,
  ExternalStep,
  Permission,
  Principal,
  TextMatch,
} from "../ir/index.ts";

type EnvoyPermission = MessageInitShape<typeof PermissionSchema>;
type EnvoyPrincipal = MessageInitShape<typeof PrincipalSchema>;

function toHeader(name: string, value: TextMatch): MessageInitShape<typeof HeaderMatcherSchema> {
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
    case "metadata":
      return { rule: { case: "metadata", value: toMetadataMatcher(p) } };
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
    case "metadata":
      return { identifier: { case: "metadata", value: toMetadataMatcher(p) } };
    default:
      return assertNever(p);
  }
}

const actions = { ALLOW: RBAC_Action.ALLOW, DENY: RBAC_Action.DENY, AUDIT: RBAC_Action.LOG } as const;

/** Prefixes of the statistics and the metadata that dry runs leave, which tools look for. */
const dryRunPrefixes = { ALLOW: "istio_dry_run_allow_", DENY: "istio_dry_run_deny_", AUDIT: "" } as const;

/** Prefix of the metadata that tells whether an external decision is wanted, and by which rule. */
const externalPrefix = "istio_ext_authz_";

/** Where the metadata says which rule wants it. */
export const externalPolicyId = `${externalPrefix}shadow_effective_policy_id`;

/** Ending of the names of rules that deny because nobody can be asked. */
const badCustomSuffix = "-deny-due-to-bad-CUSTOM-action";

/** What RBAC filters for HTTP and for bytes have in common. */
export interface RbacRules {
  readonly rules?: MessageInitShape<typeof RBACSchema>;
  readonly shadowRules?: MessageInitShape<typeof RBACSchema>;
  readonly shadowRulesStatPrefix?: string;
}

function toRules(
  action: keyof typeof actions,
  rules: readonly AuthorizationRule[],
  nameSuffix = "",
): MessageInitShape<typeof RBACSchema> {
  return {
    action: actions[action],
    policies: Object.fromEntries(
      rules.map(({ name, permissions, principals }) => [
        `${name}${nameSuffix}`,
        { permissions: permissions.map(toPermission), principals: principals.map(toPrincipal) },
      ]),
    ),
  };
}

/** Envoy's RBAC rules for one step. */
export function toRbac({ action, rules, dryRun }: AuthorizationStep): RbacRules {
  return {
    ...(rules === undefined ? {} : { rules: toRules(action, rules) }),
    ...(dryRun === undefined ? {} : { shadowRules: toRules(action, dryRun) }),
    // Istio's prefix where there is no dry run is that of ALLOW.
    shadowRulesStatPrefix: dryRunPrefixes[dryRun === undefined ? "ALLOW" : action],
  };
}

/** Rules that decide nothing, but leave in metadata which of them holds; where nobody can be asked, they deny. */
export function toExternalRbac({ rules, authorizer }: ExternalStep): RbacRules {
  return authorizer === undefined
    ? { rules: toRules("DENY", rules, badCustomSuffix) }
    : { shadowRules: toRules("DENY", rules), shadowRulesStatPrefix: externalPrefix };
}
