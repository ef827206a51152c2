import type { AuthorizationPolicy, AuthorizationRule as IstioRule } from "@weft/istio-api";
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
import { conditionTerms } from "./conditions.ts";
import { asksTheUncheckable, operationTerms, sourceTerms, type Term } from "./terms.ts";

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
      ({ spec, ...policy }) =>
        policy.namespace === namespace &&
        // A policy with a target is for that alone: a waypoint or a gateway of the Gateway API, which this is not.
        spec.targetRef === undefined &&
        !spec.targetRefs?.length &&
        selects(spec.selector?.matchLabels ?? {}, view.labels),
    ),
  );
}

/** A rule in the making. */
interface RuleInput {
  readonly policy: Policy;
  readonly transport: Transport;
  readonly trustDomain: string;
  readonly report: Reporter;
}

/**
 * All terms that can be checked on this transport. What bytes cannot show is no ground to let somebody in or to ask
 * somebody else (undefined: the rule never holds), and no reason to let somebody pass a DENY (it holds without it).
 */
function applicable<T>(
  terms: readonly Term<T>[],
  { policy, transport }: RuleInput,
): readonly T[] | undefined {
  const usable = terms.filter(({ httpOnly }) => !httpOnly || transport === "http");
  const refuses = policy.spec.action === "DENY" || policy.spec.action === "AUDIT";
  return usable.length < terms.length && !refuses ? undefined : usable.map(({ value }) => value);
}

function allOf<T extends Permission | Principal>(parts: readonly T[]): T {
  const any = { kind: "any" } as T; // both unions have it
  return { kind: "all", of: parts.length === 0 ? [any] : parts } as unknown as T; // both unions have it, of themselves
}

function buildRule(input: RuleInput, rule: IstioRule, index: number): AuthorizationRule | undefined {
  const { policy, trustDomain, report } = input;
  const path = `spec.rules[${index}]`;
  const allows = stepOf(policy) === "ALLOW";
  const conditions = (rule.when ?? []).map((condition, i) =>
    conditionTerms(condition, (what) => report.unsupported(`${path}.when[${i}]`, what)),
  );
  if (allows && conditions.includes(undefined)) return undefined;
  const onRequest = conditions.flatMap((terms) => terms?.permission ?? []);
  const onClient = conditions.flatMap((terms) => terms?.principal ?? []);
  const sources = rule.from?.length ? rule.from.map(({ source }) => source ?? {}) : [{}];
  const operations = rule.to?.length ? rule.to.map(({ operation }) => operation ?? {}) : [{}];
  const principals = sources.flatMap((source) => {
    if (asksTheUncheckable(source, report, path) && allows) return [];
    const usable = applicable([...sourceTerms(source, trustDomain), ...onClient], input);
    return usable ? [allOf<Principal>(usable)] : [];
  });
  const permissions = operations.flatMap((operation) => {
    const usable = applicable([...operationTerms(operation), ...onRequest], input);
    return usable ? [allOf<Permission>(usable)] : [];
  });
  if (principals.length === 0 || permissions.length === 0) return undefined;
  return { name: `ns[${policy.namespace}]-policy[${policy.name}]-rule[${index}]`, permissions, principals };
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
    const rules = ofAction.flatMap((policy) => {
      const report = context.problems.for(configRef(policy));
      const input = { policy, transport, trustDomain: context.mesh.trustDomain, report };
      return (policy.spec.rules ?? []).flatMap((rule, index) => buildRule(input, rule, index) ?? []);
    });
    // Only ALLOW means something without rules: nobody is let in.
    if (rules.length > 0 || action === "ALLOW") steps.push({ action, rules });
  }
  return { policies: steps };
}
