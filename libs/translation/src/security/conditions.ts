import type { AuthorizationRule } from "@weft/istio-api";
import type { Permission, Principal } from "../ir/index.ts";
import { listTerms, namespaceTerm, parseBlock, principalTerm, type Term, toPattern } from "./terms.ts";

type Condition = NonNullable<AuthorizationRule["when"]>[number];

/** A condition as terms of the request or of the client. */
export interface ConditionTerms {
  readonly permission?: readonly Term<Permission>[];
  readonly principal?: readonly Term<Principal>[];
}

/** Reads `key[name]`. */
function bracketed(key: string, prefix: string): string | undefined {
  return key.startsWith(`${prefix}[`) && key.endsWith("]") ? key.slice(prefix.length + 1, -1) : undefined;
}

/**
 * The terms of a `when` entry; undefined where Weft cannot check it, which `unsupported` is told.
 * https://istio.io/latest/docs/reference/config/security/conditions/
 */
export function conditionTerms(
  { key, values, notValues }: Condition,
  unsupported: (what: string) => void,
): ConditionTerms | undefined {
  const header = bracketed(key, "request.headers");
  if (header !== undefined)
    return {
      principal: listTerms(
        values,
        notValues,
        true,
        (text): Principal => ({
          kind: "header",
          name: header,
          value: toPattern(text),
        }),
      ),
    };
  switch (key) {
    case "source.ip":
      return {
        principal: listTerms(
          values,
          notValues,
          false,
          (text): Principal => ({ kind: "direct-ip", ...parseBlock(text) }),
        ),
      };
    case "remote.ip":
      return {
        principal: listTerms(
          values,
          notValues,
          true,
          (text): Principal => ({ kind: "remote-ip", ...parseBlock(text) }),
        ),
      };
    case "source.namespace":
      return { principal: listTerms(values, notValues, false, namespaceTerm) };
    case "source.principal":
      return { principal: listTerms(values, notValues, false, principalTerm) };
    case "destination.ip":
      return {
        permission: listTerms(
          values,
          notValues,
          false,
          (text): Permission => ({
            kind: "destination-ip",
            ...parseBlock(text),
          }),
        ),
      };
    case "destination.port":
      return {
        permission: listTerms(
          values,
          notValues,
          false,
          (text): Permission => ({
            kind: "destination-port",
            port: Number(text),
          }),
        ),
      };
    case "connection.sni":
      return {
        permission: listTerms(values, notValues, false, (text): Permission => {
          const value = toPattern(text);
          return {
            kind: "server-name",
            value: value.kind === "present" ? { kind: "regex", value: ".+" } : value,
          };
        }),
      };
    default:
      unsupported(`the condition ${key}`);
      return undefined;
  }
}
