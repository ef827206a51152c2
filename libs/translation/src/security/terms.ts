import { isIP } from "node:net";
import type { AuthorizationOperation, AuthorizationSource } from "@weft/istio-api";
import type { Permission, Principal, StringMatch } from "../ir/index.ts";
import type { Reporter } from "../problems.ts";

/** One thing that must hold; `httpOnly` terms cannot be seen on a plain TCP connection. */
export interface Term<T> {
  readonly value: T;
  readonly httpOnly: boolean;
}

type Present = { readonly kind: "present" };

/** Istio's patterns: `*` anything that is there, `abc*` a prefix, `*abc` a suffix, else the text itself. */
export function toPattern(text: string): StringMatch | Present {
  if (text === "*") return { kind: "present" };
  if (text.startsWith("*")) return { kind: "suffix", value: text.slice(1) };
  if (text.endsWith("*")) return { kind: "prefix", value: text.slice(0, -1) };
  return { kind: "exact", value: text };
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** The same pattern behind a fixed beginning. */
function prefixed(prefix: string, text: string): StringMatch {
  const pattern = toPattern(text);
  switch (pattern.kind) {
    case "present":
      return { kind: "regex", value: `${escapeRegex(prefix)}.+` };
    case "suffix":
      return { kind: "regex", value: `${escapeRegex(prefix)}.*${escapeRegex(pattern.value)}` };
    case "prefix":
    case "exact":
      return { kind: pattern.kind, value: `${prefix}${pattern.value}` };
    default:
      return pattern;
  }
}

/** Splits `10.0.0.0/8`; a lone address stands for itself. */
export function parseBlock(text: string): { readonly address: string; readonly length: number } {
  const [address = "", length] = text.split("/");
  return { address, length: length === undefined ? (isIP(address) === 6 ? 128 : 32) : Number(length) };
}

/** A client by its certificate: principals are SPIFFE ids without the scheme, whose trust domain may be an alias. */
export function principalTerm(text: string): Principal {
  return {
    kind: "authenticated",
    name: text === "*" ? { kind: "regex", value: ".+" } : prefixed("spiffe://", text),
  };
}

/** A client by the namespace in its SPIFFE id; `*` in the name stands for anything within it. */
export function namespaceTerm(text: string): Principal {
  const pattern = text.split("*").map(escapeRegex).join(".*");
  return { kind: "authenticated", name: { kind: "regex", value: `.*/ns/${pattern}/.*` } };
}

function one<T extends Permission | Principal>(values: readonly T[]): T {
  return { kind: "one", of: values } as unknown as T; // both unions have it, of themselves
}

function not<T extends Permission | Principal>(value: T): T {
  return { kind: "not", of: value } as unknown as T; // as above
}

/** Terms for a list of values and for a list of values that must not be. */
export function listTerms<T extends Permission | Principal>(
  values: readonly string[] | undefined,
  notValues: readonly string[] | undefined,
  httpOnly: boolean,
  make: (text: string) => T,
): Term<T>[] {
  return [
    ...(values?.length ? [{ value: one(values.map(make)), httpOnly }] : []),
    ...(notValues?.length ? [{ value: not(one(notValues.map(make))), httpOnly }] : []),
  ];
}

function serviceAccountPrincipal(text: string, trustDomain: string): Principal {
  const [namespace = "", account = ""] = text.split("/");
  return {
    kind: "authenticated",
    name: { kind: "exact", value: `spiffe://${trustDomain}/ns/${namespace}/sa/${account}` },
  };
}

const uncheckedFields = [
  "requestPrincipals",
  "notRequestPrincipals",
  "trustDomains",
  "notTrustDomains",
] as const;

/** Whether a source asks for what Weft cannot check, which is reported. */
export function asksTheUncheckable(source: AuthorizationSource, report: Reporter, path: string): boolean {
  const asked = uncheckedFields.filter((field) => source[field]?.length);
  for (const field of asked) report.unsupported(`${path}.from.source.${field}`, field);
  return asked.length > 0;
}

/** What a source asks of the client. */
export function sourceTerms(source: AuthorizationSource, trustDomain: string): Term<Principal>[] {
  const block =
    (kind: "direct-ip" | "remote-ip") =>
    (text: string): Principal => ({ kind, ...parseBlock(text) });
  return [
    ...listTerms(source.principals, source.notPrincipals, false, principalTerm),
    ...listTerms(source.serviceAccounts, source.notServiceAccounts, false, (text) =>
      serviceAccountPrincipal(text, trustDomain),
    ),
    ...listTerms(source.namespaces, source.notNamespaces, false, namespaceTerm),
    ...listTerms(source.remoteIpBlocks, source.notRemoteIpBlocks, true, block("remote-ip")),
    ...listTerms(source.ipBlocks, source.notIpBlocks, false, block("direct-ip")),
  ];
}

function header(name: string, ignoreCase: boolean) {
  return (text: string): Permission => {
    const value = toPattern(text);
    return {
      kind: "header",
      name,
      value:
        value.kind === "present" || value.kind === "regex" || !ignoreCase ? value : { ...value, ignoreCase },
    };
  };
}

function pathPermission(text: string): Permission {
  if (text.includes("{*}") || text.includes("{**}"))
    return { kind: "path-template", value: text.replaceAll("{**}", "**").replaceAll("{*}", "*") };
  const value = toPattern(text);
  return { kind: "path", value: value.kind === "present" ? { kind: "regex", value: ".+" } : value };
}

/** What an operation asks of the request. */
export function operationTerms(operation: AuthorizationOperation): Term<Permission>[] {
  return [
    ...listTerms(operation.hosts, operation.notHosts, true, header(":authority", true)),
    ...listTerms(operation.methods, operation.notMethods, true, header(":method", false)),
    ...listTerms(operation.paths, operation.notPaths, true, pathPermission),
    ...listTerms(
      operation.ports,
      operation.notPorts,
      false,
      (text): Permission => ({
        kind: "destination-port",
        port: Number(text),
      }),
    ),
  ];
}
