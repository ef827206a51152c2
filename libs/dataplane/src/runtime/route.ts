import type { Host } from "./cluster.ts";
import type { HeaderMap } from "./headers.ts";
import type { RateLimitRules } from "./rate-limit.ts";
import type { RequestView } from "./request.ts";
import type { StreamFormatter, StreamInfo } from "./stream-info.ts";

/** Compiled changes to a set of headers: removals first, then additions, in order. */
export interface HeaderMutation {
  readonly add: readonly HeaderAddition[];
  /** Names in lower case. */
  readonly remove: readonly string[];
}

/** What to do where the header is there already, as Envoy's `append_action`. */
export type AppendAction = "append" | "add-if-absent" | "overwrite" | "overwrite-if-exists";

/** One header to add. `value` is a text, or computed where it has `%…%` operators. */
export interface HeaderAddition {
  /** In lower case. */
  readonly name: string;
  readonly value: string | StreamFormatter;
  readonly action: AppendAction;
  /** Adds the header though its value comes out empty. */
  readonly keepEmpty: boolean;
}

/** When and how often a request is sent again. Times in milliseconds. */
export interface RetryPolicy {
  /** Tries after the first. */
  readonly attempts: number;
  /** 0: the route's timeout alone. */
  readonly perTryTimeoutMs: number;
  /** Envoy's retry_on words: `5xx`, `connect-failure`, `reset`, … */
  readonly retryOn: ReadonlySet<string>;
  readonly retriableStatusCodes: ReadonlySet<number>;
  /** True where the response's headers ask for a retry (`retriable-headers`). */
  readonly retriableHeaders?: (headers: HeaderMap) => boolean;
  /** How often host selection is tried again to find a host not yet used. */
  readonly hostSelectionAttempts: number;
  readonly avoidPreviousHosts: boolean;
  /** Hosts that no further try wants: canaries, or those with certain metadata. */
  readonly rejectsHost?: (host: Host) => boolean;
  /** After so many tries the priorities that were tried are left out; absent: they are not. */
  readonly retryPriorityFrequency?: number;
  /** False for requests that are not to be tried again. */
  readonly retriableRequest?: (request: RequestView) => boolean;
  /** Without a byte from the upstream; 0: none. */
  readonly perTryIdleTimeoutMs: number;
  /** Waits as long as the upstream's rate limit asks. */
  readonly rateLimited?: {
    readonly resetHeaders: readonly { readonly name: string; readonly format: "seconds" | "unix" }[];
    readonly maxMs: number;
  };
  /** 25 in Envoy. */
  readonly backoffBaseMs: number;
  /** Ten times the base in Envoy. */
  readonly backoffMaxMs: number;
}

/** What a matched route does. */
export type RouteAction = ForwardAction | RedirectAction | DirectResponseAction;

/** Sends the request to a cluster. */
export interface ForwardAction {
  readonly kind: "forward";
  /** Chooses the cluster; `random` is uniform in [0, 1). Weighted clusters also carry header changes. */
  pick(random: number, request: RequestView): ClusterChoice;
  /** Whole-request timeout; 0 means none; Envoy's default is 15,000. */
  readonly timeoutMs: number;
  /** Stream idle timeout; undefined: the connection manager's; 0 means none. */
  readonly idleTimeoutMs?: number;
  /**
   * The longest timeout that a `grpc-timeout` header may ask for; 0: any; undefined: the header is not looked at.
   * A gRPC request with that header then takes the header's timeout for the route's.
   */
  readonly maxGrpcTimeoutMs?: number;
  /** Longest life of the stream; undefined: the connection manager's; 0 means none. */
  readonly maxStreamDurationMs?: number;
  readonly retry?: RetryPolicy;
  /** New path for the upstream, query and all; absent where the path stays. */
  readonly rewritePath?: (path: string) => string;
  /** New authority for the upstream; undefined keeps the present one. */
  readonly rewriteHost?: (request: RequestView) => string | undefined;
  /** Takes the chosen host's name (`Host.hostname`) for authority. */
  readonly autoHostRewrite?: boolean;
  /** Notes the old authority in `x-forwarded-host` where it is rewritten. */
  readonly appendForwardedHost?: boolean;
  /** Hash of the request for consistent hashing; absent where the route has no hash policy. */
  readonly hash?: (request: RequestView, info: StreamInfo) => bigint | undefined;
  /** Answer where the cluster does not exist: 503 unless told. */
  readonly clusterNotFoundStatus: number;
  /** Upgrades (`websocket`, `connect`) that this route allows or forbids, whatever the connection manager says. */
  readonly upgrades?: ReadonlyMap<string, boolean>;
  readonly mirrors?: readonly MirrorPolicy[];
}

/** Sends a copy of the request elsewhere, and ignores the answer. */
export interface MirrorPolicy {
  readonly cluster: (request: RequestView) => string;
  /** Marks the authority by `-shadow`. */
  readonly marksHost: boolean;
  /** `random` is uniform in [0, 1). */
  readonly sample: (random: number) => boolean;
}

/** A cluster name, with what its weighted entry changes. */
export interface ClusterChoice {
  readonly cluster: string;
  readonly requestHeaders?: HeaderMutation;
  readonly responseHeaders?: HeaderMutation;
  /** Per-filter configuration of the weighted entry; comes before the route's. */
  readonly filterConfig?: ReadonlyMap<string, unknown>;
  readonly rewriteHost?: string;
  /** What its hosts' metadata must be, for clusters with subsets. */
  readonly subset?: Readonly<Record<string, unknown>>;
}

/** Answers with a redirect. */
export interface RedirectAction {
  readonly kind: "redirect";
  /** 301 in Envoy unless told. */
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
  /** Of the route, its virtual host and its table, in Envoy's order, each with its own removals. */
  readonly requestHeaders: readonly HeaderMutation[];
  readonly responseHeaders: readonly HeaderMutation[];
  /** Per-filter configuration by filter name, compiled by the filter's own compiler. */
  readonly filterConfig: ReadonlyMap<string, unknown>;
  /** Filters that this route switches on or off; absent where it switches none. */
  readonly filterSwitches?: ReadonlyMap<string, boolean>;
  readonly virtualHost: string;
  /** Sends `x-envoy-attempt-count` upstream. */
  readonly includeAttemptCount: boolean;
  /** Sends `x-envoy-attempt-count` downstream. */
  readonly includeAttemptCountInResponse?: boolean;
  /** Name of the operation for traces and `x-envoy-decorator-operation`. */
  readonly decoratorOperation?: string;
  /** What requests of this route count as, for rate limits; absent where no rule is given. */
  readonly rateLimits?: RateLimitRules;
  /** `metadata` of the route by filter name. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** A route table: pinned by each request at its start. `undefined` from `match`: no route (404, flag NR). */
export interface RouteTable {
  readonly name: string;
  /** `random` is uniform in [0, 1), for runtime fractions. */
  match(request: RequestView, random: number): Route | undefined;
}
