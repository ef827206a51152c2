import type { StringMatch } from "./route.ts";

/** Authorization decisions in the order they are taken. */
export interface AuthorizationChain {
  readonly policies: readonly AuthorizationStep[];
}

/** One step: all policies of one action, for one workload. */
export interface AuthorizationStep {
  readonly action: "DENY" | "ALLOW" | "AUDIT";
  /** By name, `ns[NS]-policy[NAME]-rule[N]`; no rules in an ALLOW step means that nothing is allowed. */
  readonly rules: readonly AuthorizationRule[];
}

/** Holds where one of the permissions and one of the principals hold. */
export interface AuthorizationRule {
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly principals: readonly Principal[];
}

/** What is asked for. */
export type Permission =
  | { readonly kind: "any" }
  | { readonly kind: "all"; readonly of: readonly Permission[] }
  | { readonly kind: "one"; readonly of: readonly Permission[] }
  | { readonly kind: "not"; readonly of: Permission }
  | {
      readonly kind: "header";
      readonly name: string;
      readonly value: StringMatch | { readonly kind: "present" };
    }
  | { readonly kind: "path"; readonly value: StringMatch }
  | { readonly kind: "path-template"; readonly value: string }
  | { readonly kind: "destination-port"; readonly port: number }
  | { readonly kind: "destination-ip"; readonly address: string; readonly length: number }
  | { readonly kind: "server-name"; readonly value: StringMatch };

/** Who asks. */
export type Principal =
  | { readonly kind: "any" }
  | { readonly kind: "all"; readonly of: readonly Principal[] }
  | { readonly kind: "one"; readonly of: readonly Principal[] }
  | { readonly kind: "not"; readonly of: Principal }
  /** The identity of the client's certificate. */
  | { readonly kind: "authenticated"; readonly name: StringMatch }
  | { readonly kind: "direct-ip"; readonly address: string; readonly length: number }
  | { readonly kind: "remote-ip"; readonly address: string; readonly length: number }
  | {
      readonly kind: "header";
      readonly name: string;
      readonly value: StringMatch | { readonly kind: "present" };
    };
