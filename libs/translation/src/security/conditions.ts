import type { AuthorizationRule } from "@weft/istio-api";
import type { Permission, Principal } from "../ir/index.ts";
import type { Attribute } from "./attribute.ts";
import { claimAttribute, parseClaimPath, requestPrincipal } from "./claims.ts";
import {
  type ClientContext,
  directIp,
  remoteIp,
  requestHeader,
  requestInlineHeader,
  sourceNamespace,
  sourcePrincipal,
  sourceServiceAccount,
  sourceTrustDomain,
} from "./client.ts";
import { destinationIp, destinationPort, filterMetadata, serverName } from "./request.ts";

/** A `when` entry of a rule. */
export type Condition = NonNullable<AuthorizationRule["when"]>[number];

/** An attribute and the side of a rule that it belongs to. */
export type ConditionAttribute =
  | { readonly side: "permission"; readonly attribute: Attribute<Permission> }
  | { readonly side: "principal"; readonly attribute: Attribute<Principal> };

const permissions: Readonly<Record<string, Attribute<Permission>>> = {
  "destination.ip": destinationIp,
  "destination.port": destinationPort,
  "connection.sni": serverName,
};

const principals: Readonly<Record<string, (context: ClientContext) => Attribute<Principal>>> = {
  "source.ip": () => directIp,
  "remote.ip": () => remoteIp,
  "source.namespace": () => sourceNamespace,
  "source.principal": sourcePrincipal,
  "source.serviceAccount": sourceServiceAccount,
  "source.trustDomain": sourceTrustDomain,
  "request.auth.principal": () => requestPrincipal,
  "request.auth.audiences": () => claimAttribute(["aud"]),
  "request.auth.presenter": () => claimAttribute(["azp"]),
};

/** What stands between the brackets of `prefix[name]`. */
function bracketed(key: string, prefix: string): string | undefined {
  const inner = key.slice(prefix.length);
  return key.startsWith(prefix) && inner.startsWith("[") && inner.endsWith("]")
    ? inner.slice(1, -1)
    : undefined;
}

function named(key: string): ConditionAttribute | undefined {
  const header = bracketed(key, "request.headers");
  if (header !== undefined) return { side: "principal", attribute: requestHeader(header) };
  const inline = bracketed(key, "request.experimental.inline.headers");
  if (inline !== undefined) return { side: "principal", attribute: requestInlineHeader(inline) };
  const claims = "request.auth.claims";
  const claim = key.startsWith(claims) ? parseClaimPath(key.slice(claims.length)) : undefined;
  if (claim !== undefined) return { side: "principal", attribute: claimAttribute(claim) };
  const [, filter, name] = /^experimental\.(envoy\.filters\.[^[]*)\[(.*)\]$/.exec(key) ?? [];
  if (filter !== undefined && name !== undefined)
    return { side: "permission", attribute: filterMetadata(filter, name) };
  return undefined;
}

/**
 * What a condition's key asks for; undefined for a key that there is not.
 * https://istio.io/latest/docs/reference/config/security/conditions/
 */
export function conditionAttribute(key: string, context: ClientContext): ConditionAttribute | undefined {
  const permission = Object.hasOwn(permissions, key) ? permissions[key] : undefined;
  if (permission) return { side: "permission", attribute: permission };
  const principal = Object.hasOwn(principals, key) ? principals[key] : undefined;
  if (principal) return { side: "principal", attribute: principal(context) };
  return named(key);
}
