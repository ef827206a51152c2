import type { RequestView } from "./request.ts";

/** Compiled changes to a set of headers; see the owner of header storage for `HeaderMap`. */
export interface HeaderMutation {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly append: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

/** When and how often a request is sent again. Times in milliseconds. */
export interface RetryPolicy {
  readonly attempts: number;
  readonly perTryTimeoutMs: number;
  /** Envoy's retry_on words: `5xx`, `connect-failure`, `reset`, … */
  readonly retryOn: ReadonlySet<string>;
  readonly retriableStatusCodes: ReadonlySet<number>;
  /** How often host selection is tried again to find a host not yet used. */
  readonly hostSelectionAttempts: number;
  readonly avoidPreviousHosts: boolean;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
}

/** What a matched route does. */
export type RouteAction = ForwardAction | RedirectAction | DirectResponseAction;

/** Sends the request to a cluster. */
export interface ForwardAction {
  readonly kind: "forward";
  /** Chooses the cluster; `random` is uniform in [0, 1). Weighted clusters also carry header changes. */
  pick(random: number): ClusterChoice;
  /** Whole-request timeout; 0 means none. */
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly retry?: RetryPolicy;
  /** New path for the upstream; absent where the path stays. */
  readonly rewritePath?: (path: string) => string;
  readonly rewriteHost?: string;
  /** Hash of the request for consistent hashing; absent where the route has no hash policy. */
  readonly hash?: (request: RequestView) => number | undefined;
  /** Answer where the cluster does not exist: 503 unless told. */
  readonly clusterNotFoundStatus: number;
}

/** A cluster name, with what its weighted entry changes. */
export interface ClusterChoice {
  readonly cluster: string;
  readonly requestHeaders?: HeaderMutation;
  readonly responseHeaders?: HeaderMutation;
}

/** Answers with a redirect. */
export interface RedirectAction {
  readonly kind: "redirect";
  readonly status: number;
  location(request: RequestView): string;
}

/** Answers without an upstream. */
export interface DirectResponseAction {
  readonly kind: "direct-response";
  readonly status: number;
  readonly body: Uint8Array;
}

/** One route, compiled. */
export interface Route {
  readonly name: string;
  readonly action: RouteAction;
  /** Of the route, its virtual host and its table, merged in Envoy's order. */
  readonly requestHeaders: HeaderMutation;
  readonly responseHeaders: HeaderMutation;
  /** Per-filter configuration by filter name, compiled by the filter's own compiler. */
  readonly filterConfig: ReadonlyMap<string, unknown>;
  readonly virtualHost: string;
  readonly includeAttemptCount: boolean;
}

/** A route table: pinned by each request at its start. `undefined` from `match`: no route (404, flag NR). */
export interface RouteTable {
  readonly name: string;
  match(request: RequestView): Route | undefined;
}
