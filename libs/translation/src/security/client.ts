import type { AuthorizationSource } from "@weft/istio-api";
import type { Principal } from "../ir/index.ts";
import { type Attribute, eachValue } from "./attribute.ts";
import { requestPrincipal } from "./claims.ts";
import { escapeRegex, parseBlock, prefixedMatch, toPattern, wildcardRegex } from "./patterns.ts";
import type { TrustDomains } from "./trust-domains.ts";

/** What reading the names of clients depends on. */
export interface ClientContext {
  /** Namespace of the policy: service accounts without one are meant there. */
  readonly namespace: string;
  readonly trustDomains: TrustDomains;
}

function authenticated(regex: string): Principal {
  return { kind: "authenticated", name: { kind: "regex", value: regex } };
}

/** Addresses, of the connection's other end or of the client that proxies on the way have told of. */
function addresses(kind: "direct-ip" | "remote-ip"): Attribute<Principal> {
  return eachValue((value) => {
    const block = parseBlock(value);
    return block ? { kind, ...block } : `"${value}" is neither an IP address nor a range of them`;
  });
}

export const directIp = addresses("direct-ip");
export const remoteIp = addresses("remote-ip");

/** A client by its certificate: SPIFFE ids without the scheme, whose trust domain may be an alias. */
export function sourcePrincipal({ trustDomains }: ClientContext): Attribute<Principal> {
  const one = eachValue<Principal>((value) => ({
    kind: "authenticated",
    name: prefixedMatch("spiffe://", value),
  }));
  return { ...one, read: (values, bad) => one.read(trustDomains.principals(values), bad) };
}

/** A client by the namespace in its SPIFFE id; `*` in the name stands for anything within it. */
export const sourceNamespace = eachValue<Principal>((value) =>
  authenticated(`.*/ns/${wildcardRegex(value, ".*")}/.*`),
);

/** A client by its service account, `NAME` or `NAMESPACE/NAME`; whatever else a SPIFFE id may say is left open. */
export function sourceServiceAccount(context: ClientContext): Attribute<Principal> {
  return eachValue((value) => {
    const slash = value.indexOf("/");
    const namespace = slash < 0 ? context.namespace : value.slice(0, slash);
    const account = escapeRegex(value.slice(slash + 1));
    return authenticated(`spiffe://.+/ns/${escapeRegex(namespace)}/(.+/|)sa/${account}(/.+)?`);
  });
}

/** A client by the trust domain of its SPIFFE id. */
export function sourceTrustDomain({ trustDomains }: ClientContext): Attribute<Principal> {
  const one = eachValue<Principal>((value) =>
    value.includes("*")
      ? authenticated(`spiffe://${wildcardRegex(value, "[^/]*")}/.*`)
      : { kind: "authenticated", name: { kind: "prefix", value: `spiffe://${value}/` } },
  );
  return { ...one, read: (values, bad) => one.read(trustDomains.expand(values), bad) };
}

/** A header of the request. */
export function requestHeader(name: string): Attribute<Principal> {
  return eachValue<Principal>((value) => ({ kind: "header", name, value: toPattern(value) }), {
    httpOnly: true,
  });
}

/** A header whose value may be one of several with commas between, as RFC 9110 lets proxies join them. */
export function requestInlineHeader(name: string): Attribute<Principal> {
  return eachValue<Principal>(
    (value) => {
      if (value === "*") return { kind: "header", name, value: { kind: "present" } };
      const text = wildcardRegexAtEnds(value);
      const regex = `^${text}$|^${text},.*|.*,${text},.*|.*,${text}$`;
      return { kind: "header", name, value: { kind: "regex", value: regex } };
    },
    { httpOnly: true },
  );
}

function wildcardRegexAtEnds(value: string): string {
  if (value.startsWith("*")) return `.*${escapeRegex(value.slice(1))}`;
  return value.endsWith("*") ? `${escapeRegex(value.slice(0, -1))}.*` : escapeRegex(value);
}

/** The attributes of a policy's `source`, in the order Istio checks them. */
export function sourceAttributes(
  context: ClientContext,
): readonly (readonly [
  field: keyof AuthorizationSource,
  notField: keyof AuthorizationSource,
  attribute: Attribute<Principal>,
])[] {
  return [
    ["principals", "notPrincipals", sourcePrincipal(context)],
    ["requestPrincipals", "notRequestPrincipals", requestPrincipal],
    ["serviceAccounts", "notServiceAccounts", sourceServiceAccount(context)],
    ["trustDomains", "notTrustDomains", sourceTrustDomain(context)],
    ["namespaces", "notNamespaces", sourceNamespace],
    ["remoteIpBlocks", "notRemoteIpBlocks", remoteIp],
    ["ipBlocks", "notIpBlocks", directIp],
  ];
}
