import type { AuthorizationOperation, AuthorizationPolicy, AuthorizationSource } from "@weft/istio-api";
import { type Config, selects } from "@weft/mesh-model";
import type { BuildContext } from "../context.ts";
import type {
  AuthorizationChain,
  AuthorizationRule,
  AuthorizationStep,
  Permission,
  Principal,
} from "../ir/index.ts";
import type { Reporter } from "../problems.ts";
import { configRef } from "../refs.ts";
import { conditionTerm, type Term } from "./conditions.ts";
import { asksTheUncheckable, operationTerms, sourceTerms } from "./terms.ts";

type Policy = Config<AuthorizationPolicy>;
type Transport = "http" | "tcp";

/** Policies for the own workload: of the root namespace and of its own, that select it or select all. */
function policiesOf({ view }: BuildContext): readonly Policy[] {
  // The kind was validated on the way into the snapshot.
  const all = (view.snapshot.configs.others.get("AuthorizationPolicy") ?? []) as readonly Policy[];
  const root = view.snapshot.meshConfig.rootNamespace;
  const ordered = [root, ...(view.node.namespace === root ? [] : [view.node.namespace])];
  return ordered.flatMap((namespace) =>
    all.filter(
      (policy) =>
        policy.namespace === namespace && selects(policy.spec.selector?.matchLabels ?? {}, view.labels),
    ),
  );
}

/**
 * All terms that can be checked on this transport. A rule that asks for what bytes cannot show is no ground to let
 * somebody in (undefined: it never holds), and no reason to let somebody pass a DENY (it holds without the term).
 */
function applicable<T>(
  terms: readonly Term<T>[],
  transport: Transport,
  action: AuthorizationStep["action"],
): readonly T[] | undefined {
  const usable = terms.filter(({ httpOnly }) => !httpOnly || transport === "http");
  if (usable.length < terms.length && action === "ALLOW") return undefined;
  return usable.map(({ value }) => value);
}

function allOf<T extends Permission | Principal>(parts: readonly T[]): T {
  const any = { kind: "any" } as T; // both unions have it
  return { kind: "all", of: parts.length === 0 ? [any] : parts } as unknown as T; // both unions have it, of themselves
}

function oneOf<T extends Permission | Principal>(parts: readonly T[]): T {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : ({ kind: "one", of: parts } as unknown as T); // as above
}

function buildRules(
  policy: Policy,
  action: AuthorizationStep["action"],
  transport: Transport,
  trustDomain: string,
  report: Reporter,
): AuthorizationRule[] {
  return (policy.spec.rules ?? []).flatMap((rule, index): AuthorizationRule[] => {
    const conditions = (rule.when ?? []).map((condition, i) =>
      conditionTerm(condition, (what) => report.unsupported(`spec.rules[${index}].when[${i}]`, what)),
    );
    if (conditions.includes(undefined) && action === "ALLOW") return [];
    const known = conditions.filter((condition) => condition !== undefined);
    const onRequest = known.flatMap(({ permission }) => permission ?? []);
    const onClient = known.flatMap(({ principal }) => principal ?? []);
    const sources = rule.from?.length
      ? rule.from.map(({ source }) => source ?? {})
      : [{} as AuthorizationSource];
    const operations = rule.to?.length
      ? rule.to.map(({ operation }) => operation ?? {})
      : [{} as AuthorizationOperation];
    const path = `spec.rules[${index}]`;
    const principals = sources.flatMap((source) => {
      if (asksTheUncheckable(source, report, path) && action === "ALLOW") return [];
      const terms = [...sourceTerms(source, trustDomain), ...onClient];
      const usable = applicable(terms, transport, action);
      return usable ? [allOf<Principal>(usable)] : [];
    });
    const permissions = operations.flatMap((operation) => {
      const usable = applicable([...operationTerms(operation), ...onRequest], transport, action);
      return usable ? [allOf<Permission>(usable)] : [];
    });
    if (principals.length === 0 || permissions.length === 0) return [];
    return [
      {
        name: `ns[${policy.namespace}]-policy[${policy.name}]-rule[${index}]`,
        permission: oneOf(permissions),
        principal: oneOf(principals),
      },
    ];
  });
}

/** The step a policy takes part in. An external decision that cannot be asked for is taken as a no. */
function stepOf({ spec }: Policy): AuthorizationStep["action"] {
  return spec.action === "CUSTOM" ? "DENY" : (spec.action ?? "ALLOW");
}

/** What authorization policies decide for the own workload, in the order Istio asks them: AUDIT, DENY, ALLOW. */
export function buildAuthorization(context: BuildContext, transport: Transport): AuthorizationChain {
  const policies = policiesOf(context);
  const steps: AuthorizationStep[] = [];
  for (const policy of policies)
    if (policy.spec.action === "CUSTOM")
      context.problems
        .for(configRef(policy))
        .warn("unsupported-field", "spec.action", "CUSTOM is not supported: what the rules match is denied");
  for (const action of ["AUDIT", "DENY", "ALLOW"] as const) {
    const ofAction = policies.filter((policy) => stepOf(policy) === action);
    if (ofAction.length === 0) continue;
    const rules = ofAction.flatMap((policy) =>
      buildRules(
        policy,
        action,
        transport,
        context.mesh.trustDomain,
        context.problems.for(configRef(policy)),
      ),
    );
    // Only ALLOW means something without rules: nobody is let in.
    if (rules.length > 0 || action === "ALLOW") steps.push({ action, rules });
  }
  return { policies: steps };
}
