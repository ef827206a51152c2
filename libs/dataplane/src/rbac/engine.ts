import { type RBAC, RBAC_Action } from "@weft/envoy-api/envoy/config/rbac/v3/rbac_pb.js";
import { compileRbac, MatcherError, type RbacPolicy, type RbacView } from "@weft/matching";
import type { Problems } from "../compile/problems.ts";
import { decodePermission, decodePrincipal } from "./decode.ts";

/** What rules say of a request or a connection. */
export interface RbacVerdict {
  readonly allowed: boolean;
  /** The policy that matched; undefined where none did. */
  readonly policy: string | undefined;
  /** True or false where the rules are there to mark what is to be logged. */
  readonly logged?: boolean;
}

/** Rules, compiled. */
export type RbacEngine = (view: RbacView) => RbacVerdict;

/**
 * Compiles rules: ALLOW allows what a policy matches, DENY what none does, LOG allows all and marks what one matches.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/rbac/v3/rbac.proto
 */
export function compileRbacEngine(
  message: RBAC | undefined,
  path: string,
  problems: Problems,
): RbacEngine | undefined {
  if (message === undefined) return undefined;
  const find = compileFind(decodePolicies(message, path, problems), path, problems);
  switch (message.action) {
    case RBAC_Action.ALLOW:
      return (view) => {
        const policy = find(view);
        return { allowed: policy !== undefined, policy };
      };
    case RBAC_Action.DENY:
      return (view) => {
        const policy = find(view);
        return { allowed: policy === undefined, policy };
      };
    case RBAC_Action.LOG:
      return (view) => {
        const policy = find(view);
        return { allowed: true, policy, logged: policy !== undefined };
      };
  }
}

function decodePolicies(message: RBAC, path: string, problems: Problems): RbacPolicy[] {
  return Object.entries(message.policies).map(([name, policy]) => {
    const at = `${path}.policies.${name}`;
    if (policy.condition !== undefined || policy.checkedCondition !== undefined)
      problems.error(`${at}.condition`, "not-implemented", "this proxy does not evaluate CEL expressions");
    return {
      name,
      permissions: policy.permissions.map((permission, i) =>
        decodePermission(permission, `${at}.permissions[${i}]`, problems),
      ),
      principals: policy.principals.map((principal, i) =>
        decodePrincipal(principal, `${at}.principals[${i}]`, problems),
      ),
    };
  });
}

function compileFind(policies: readonly RbacPolicy[], path: string, problems: Problems) {
  try {
    return compileRbac(policies);
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error;
    problems.error(`${path}.policies`, error.code, error.message);
    return () => undefined;
  }
}

/** Envoy's response code details of a refusal; spaces would split the field of an access log. */
export function deniedDetails(policy: string | undefined): string {
  return `rbac_access_denied_matched_policy[${(policy ?? "none").replace(/\s/g, "_")}]`;
}
