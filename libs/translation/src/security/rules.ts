import type { AuthorizationPolicy, AuthorizationRule as IstioRule } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import type { AuthorizationRule, Permission, Principal } from "../ir/index.ts";
import type { Reporter } from "../problems.ts";
import { type Attribute, allOf, not, type Side } from "./attribute.ts";
import { type ClientContext, sourceAttributes } from "./client.ts";
import { conditionAttribute } from "./conditions.ts";
import { operationAttributes } from "./request.ts";
import type { TrustDomains } from "./trust-domains.ts";

/** A policy whose rules are built, and for what. */
export interface RuleInput {
  readonly policy: Config<AuthorizationPolicy>;
  /** Connections whose content is not known to be HTTP show no requests. */
  readonly transport: "http" | "tcp";
  readonly trustDomains: TrustDomains;
  readonly report: Reporter;
  /** What the names of the rules begin with; nothing by default. */
  readonly namePrefix?: string;
}

/** A list of values of an attribute, and a list of those that it must not have. */
interface Asked<T> {
  readonly attribute: Attribute<T>;
  readonly values: readonly string[];
  readonly notValues: readonly string[];
  readonly path: string;
  readonly notPath: string;
}

/** Something that is asked for cannot be told here: where that decides, the rule never holds. */
class Untellable extends Error {}

/** Builds the rules of one policy. */
class RuleBuilder {
  readonly #input: RuleInput;
  readonly #context: ClientContext;

  constructor(input: RuleInput) {
    this.#input = input;
    this.#context = { namespace: input.policy.namespace, trustDomains: input.trustDomains };
  }

  build(rule: IstioRule, index: number): AuthorizationRule | undefined {
    const path = `spec.rules[${index}]`;
    try {
      const conditions = this.#conditions(rule, path);
      const permissions = (rule.to?.length ? rule.to : [{}]).map(({ operation = {} }, i) => {
        const at = `${path}.to[${i}].operation`;
        const asked = operationAttributes.map(([field, notField, attribute]) =>
          this.#asked(
            attribute,
            operation[field],
            operation[notField],
            `${at}.${field}`,
            `${at}.${notField}`,
          ),
        );
        return allOf<Permission>([...asked, ...conditions.permissions].flatMap((one) => this.#terms(one)));
      });
      const principals = (rule.from?.length ? rule.from : [{}]).map(({ source = {} }, i) => {
        const at = `${path}.from[${i}].source`;
        const asked = sourceAttributes(this.#context).map(([field, notField, attribute]) =>
          this.#asked(attribute, source[field], source[notField], `${at}.${field}`, `${at}.${notField}`),
        );
        return allOf<Principal>([...asked, ...conditions.principals].flatMap((one) => this.#terms(one)));
      });
      return { name: this.#nameOf(index), permissions, principals };
    } catch (error) {
      if (error instanceof Untellable) return undefined;
      throw error;
    }
  }

  /** A policy without rules: it holds for nobody. */
  never(): AuthorizationRule {
    const nobody = { kind: "not", of: { kind: "any" } } as const;
    return { name: this.#nameOf(0), permissions: [nobody], principals: [nobody] };
  }

  #nameOf(index: number): string {
    const { policy, namePrefix = "" } = this.#input;
    return `${namePrefix}ns[${policy.namespace}]-policy[${policy.name}]-rule[${index}]`;
  }

  #conditions(rule: IstioRule, path: string) {
    const permissions: Asked<Permission>[] = [];
    const principals: Asked<Principal>[] = [];
    for (const [i, { key, values, notValues }] of (rule.when ?? []).entries()) {
      const at = `${path}.when[${i}]`;
      const known = conditionAttribute(key, this.#context);
      if (known === undefined) {
        this.#input.report.warn(
          "bad-condition",
          `${at}.key`,
          `${key} is not a condition; ${this.#consequence()}`,
        );
        this.#untold();
      } else if (known.side === "permission")
        permissions.push(this.#asked(known.attribute, values, notValues, `${at}.values`, `${at}.notValues`));
      else
        principals.push(this.#asked(known.attribute, values, notValues, `${at}.values`, `${at}.notValues`));
    }
    return { permissions, principals };
  }

  #asked<T>(
    attribute: Attribute<T>,
    values: readonly string[] = [],
    notValues: readonly string[] = [],
    path: string,
    notPath: string,
  ): Asked<T> {
    return { attribute, values, notValues, path, notPath };
  }

  #terms<T extends Side>({ attribute, values, notValues, path, notPath }: Asked<T>): T[] {
    const held = this.#read(attribute, values, path);
    const notHeld = this.#read(attribute, notValues, notPath);
    return [...(held ? [held] : []), ...(notHeld ? [not(notHeld)] : [])];
  }

  #read<T extends Side>(attribute: Attribute<T>, values: readonly string[], path: string): T | undefined {
    if (values.length === 0) return undefined;
    if (attribute.httpOnly && this.#input.transport === "tcp") {
      this.#untold();
      return undefined;
    }
    return attribute.read(values, (index, message) => {
      this.#input.report.warn("bad-value", `${path}[${index}]`, `${message}; ${this.#consequence()}`);
      this.#untold();
    });
  }

  /**
   * What cannot be told is no ground to let somebody in (the rule never holds), and no reason to let somebody pass what denies, is
   * written down, or asks somebody else (it holds without that).
   */
  #untold(): void {
    if (this.#allows()) throw new Untellable();
  }

  #allows(): boolean {
    return (this.#input.policy.spec.action ?? "ALLOW") === "ALLOW";
  }

  #consequence(): string {
    return this.#allows() ? "the rule allows nothing" : "the rule holds without it";
  }
}

/** The rules of a policy in Weft's words; those that can never hold are left out. */
export function buildRules(input: RuleInput): readonly AuthorizationRule[] {
  const builder = new RuleBuilder(input);
  const rules = input.policy.spec.rules ?? [];
  if (rules.length === 0) return [builder.never()];
  return rules.flatMap((rule, index) => builder.build(rule, index) ?? []);
}
