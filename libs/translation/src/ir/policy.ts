import type { StringMatch } from "./route.ts";

/** Authorization decisions in the order they are taken: first those of others, then the mesh's own. */
export interface AuthorizationChain {
  readonly external: readonly ExternalStep[];
  readonly policies: readonly AuthorizationStep[];
}

/** One step: all policies of one action, for one workload. */
export interface AuthorizationStep {
  readonly action: "DENY" | "ALLOW" | "AUDIT";
  /** No rules in an ALLOW step means that nothing is allowed; absent where every policy only tries itself out. */
  readonly rules?: readonly AuthorizationRule[];
  /** Rules that are evaluated and counted, and decide nothing. */
  readonly dryRun?: readonly AuthorizationRule[];
}

/** Requests that one of the rules holds for are decided on by somebody else. */
export interface ExternalStep {
  readonly rules: readonly AuthorizationRule[];
  /** Who decides; absent where nobody can be asked: then such requests are denied. */
  readonly authorizer?: ExternalAuthorizer;
}

/** A service that decides on requests, with what it is told and what it may change. */
export interface ExternalAuthorizer {
  /** What the names of all rules that lead to it begin with. */
  readonly rulePrefix: string;
  readonly backend: string;
  readonly host: string;
  readonly timeoutMs: number;
  /** Requests pass while it cannot be reached. */
  readonly failOpen: boolean;
  /** HTTP status while it cannot be reached; Envoy's 403 where absent. */
  readonly statusOnError?: number;
  readonly clearRouteCache: boolean;
  readonly body?: {
    readonly maxRequestBytes: number;
    readonly allowPartialMessage: boolean;
    readonly packAsBytes: boolean;
  };
  readonly protocol: { readonly kind: "grpc" } | HttpAuthorizer;
}

/** How an authorizer that speaks HTTP is asked; lists of headers are patterns of names. */
export interface HttpAuthorizer {
  readonly kind: "http";
  readonly pathPrefix: string;
  readonly requestHeaders: readonly StringMatch[];
  readonly addedHeaders: readonly (readonly [name: string, value: string])[];
  readonly upstreamOnAllow: readonly StringMatch[];
  readonly downstreamOnDeny: readonly StringMatch[];
  readonly downstreamOnAllow: readonly StringMatch[];
}

/** Holds where one of the permissions and one of the principals hold. */
export interface AuthorizationRule {
  /** `ns[NS]-policy[NAME]-rule[N]`, unique in its step. */
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly principals: readonly Principal[];
}

/** A pattern of text, or that there is any. */
export type TextMatch = StringMatch | { readonly kind: "present" };

/** A value that a filter has left for those behind it, by the name of the filter and the path below it. */
export interface MetadataMatch {
  readonly kind: "metadata";
  readonly filter: string;
  readonly path: readonly string[];
  readonly value: ValueMatch;
}

/** A match of structured data. */
export type ValueMatch =
  | { readonly kind: "string"; readonly match: StringMatch }
  /** A list one of whose items matches. */
  | { readonly kind: "list"; readonly item: ValueMatch }
  | { readonly kind: "one"; readonly of: readonly ValueMatch[] };

/** What is asked for. */
export type Permission =
  | { readonly kind: "any" }
  | { readonly kind: "all"; readonly of: readonly Permission[] }
  | { readonly kind: "one"; readonly of: readonly Permission[] }
  | { readonly kind: "not"; readonly of: Permission }
  | { readonly kind: "header"; readonly name: string; readonly value: TextMatch }
  | { readonly kind: "path"; readonly value: StringMatch }
  | { readonly kind: "path-template"; readonly value: string }
  | { readonly kind: "destination-port"; readonly port: number }
  | { readonly kind: "destination-ip"; readonly address: string; readonly length: number }
  | { readonly kind: "server-name"; readonly value: StringMatch }
  | MetadataMatch;

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
  | { readonly kind: "header"; readonly name: string; readonly value: TextMatch }
  | MetadataMatch;
