import type { AuthorizationPolicy } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import type { BuildContext } from "../context.ts";
import type { AuthorizationChain, AuthorizationRule, AuthorizationStep, ExternalStep } from "../ir/index.ts";
import { configRef } from "../refs.ts";
import { attachedPolicies } from "./attachment.ts";
import { authorizerRulePrefix, resolveAuthorizer } from "./external-authorizer.ts";
import { oncePerView } from "./once-per-view.ts";
import { buildRules } from "./rules.ts";
import { createTrustDomains } from "./trust-domains.ts";

type Policy = Config<AuthorizationPolicy>;
type Transport = "http" | "tcp";

/** Annotation of policies that are only tried out. */
const dryRunAnnotation = "istio.io/dry-run";

/** What Go's `strconv.ParseBool` takes, which users of the annotation may have written. */
const trueWords: readonly string[] = ["1", "t", "T", "true", "TRUE", "True"];
const falseWords: readonly string[] = ["0", "f", "F", "false", "FALSE", "False"];

/** Builds the decisions for one proxy, on one transport. */
class AuthorizationBuilder {
  readonly #context: BuildContext;
  readonly #transport: Transport;

  constructor(context: BuildContext, transport: Transport) {
    this.#context = context;
    this.#transport = transport;
  }

  build(): AuthorizationChain {
    const policies = attachedPolicies<AuthorizationPolicy>(this.#context.view, "AuthorizationPolicy");
    const ofAction = (action: string) => policies.filter(({ spec }) => (spec.action ?? "ALLOW") === action);
    return {
      external: this.#external(ofAction("CUSTOM")),
      policies: (["AUDIT", "DENY", "ALLOW"] as const).flatMap((action) => {
        const chosen = ofAction(action);
        return chosen.length === 0 ? [] : [this.#step(action, chosen)];
      }),
    };
  }

  #step(action: AuthorizationStep["action"], policies: readonly Policy[]): AuthorizationStep {
    const tried = policies.filter((policy) => this.#isDryRun(policy));
    const enforced = policies.filter((policy) => !tried.includes(policy));
    return {
      action,
      ...(enforced.length === 0 ? {} : { rules: enforced.flatMap((policy) => this.#rules(policy)) }),
      ...(tried.length === 0 ? {} : { dryRun: tried.flatMap((policy) => this.#rules(policy)) }),
    };
  }

  #rules(policy: Policy, namePrefix = ""): readonly AuthorizationRule[] {
    const { trustDomain, trustDomainAliases } = this.#context.mesh;
    return buildRules({
      policy,
      transport: this.#transport,
      trustDomains: createTrustDomains(trustDomain, trustDomainAliases),
      report: this.#context.problems.for(configRef(policy)),
      namePrefix,
    });
  }

  #isDryRun(policy: Policy): boolean {
    const value = policy.annotations[dryRunAnnotation];
    if (value === undefined || falseWords.includes(value)) return false;
    if (trueWords.includes(value)) return true;
    this.#context.problems
      .for(configRef(policy))
      .warn(
        "bad-annotation",
        `metadata.annotations["${dryRunAnnotation}"]`,
        `is "${value}", allowed are true and false; the policy is enforced`,
      );
    return false;
  }

  /** What is asked of others, each by what its policies hold for. Where nobody can be asked, that is denied. */
  #external(policies: readonly Policy[]): readonly ExternalStep[] {
    const enforced = policies.filter((policy) => {
      const tried = this.#isDryRun(policy);
      if (tried)
        this.#context.problems
          .for(configRef(policy))
          .warn("unsupported-field", "metadata.annotations", "a dry run of CUSTOM has no effect");
      return !tried;
    });
    const providerOf = ({ spec }: Policy) => spec.provider?.name ?? "";
    const names = [...new Set(enforced.map(providerOf))].sort();
    return names.flatMap((name): ExternalStep[] => {
      const own = enforced.filter((policy) => providerOf(policy) === name);
      const rules = own.flatMap((policy) => this.#rules(policy, authorizerRulePrefix(name)));
      const resolved =
        names.length > 1
          ? { problem: `a workload can have one provider, this one has ${names.join(", ")}` }
          : resolveAuthorizer(this.#context.view, name);
      if ("authorizer" in resolved) {
        const { authorizer } = resolved;
        // Connections cannot be asked about over HTTP; the requests in them, where there are any, are.
        return this.#transport === "tcp" && authorizer.protocol.kind === "http"
          ? []
          : [{ rules, authorizer }];
      }
      for (const policy of own)
        this.#context.problems
          .for(configRef(policy))
          .warn("bad-provider", "spec.provider", `${resolved.problem}; what the rules match is denied`);
      return [{ rules }];
    });
  }
}

/**
 * What authorization policies decide for the own workload, in the order Istio asks them: CUSTOM, AUDIT, DENY, ALLOW.
 * https://istio.io/latest/docs/reference/config/security/authorization-policy/
 */
export function buildAuthorization(context: BuildContext, transport: Transport): AuthorizationChain {
  return oncePerView(context, `authorization ${transport}`, (own) =>
    new AuthorizationBuilder(own, transport).build(),
  );
}
