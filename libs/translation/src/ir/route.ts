import type { ObjectRef } from "@weft/base";
import type { MetadataMatch } from "./policy.ts";

/** A route table: what an HTTP listener chooses from by host and then by request. */
export interface RouteTable {
  /** `9080`, `host:9080`, `http.8080`, `http_proxy`, `inbound|9080||`, … */
  readonly name: string;
  readonly virtualHosts: readonly VirtualHost[];
  /** Whether the port in the Host header is left out of matching. */
  readonly ignorePort: boolean;
  /** Inline tables of inbound listeners differ from those sent over RDS in what Envoy is told. */
  readonly direction: "inbound" | "outbound";
  readonly maxDirectResponseBytes?: number;
  /** It serves all hosts of a port: proxies that ask for that get its virtual hosts as resources of their own. */
  readonly manyHosts?: true;
}

/** Routes for a set of host names. */
export interface VirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  readonly routes: readonly Route[];
  readonly countAttempts: boolean;
  /** Answers plain-text requests with a redirect to HTTPS. */
  readonly requireTls: boolean;
  readonly origin: readonly ObjectRef[];
}

/** One route: the first whose match holds is taken. */
export interface Route {
  readonly name: string;
  readonly match: RouteMatch;
  readonly action: RouteAction;
  readonly requestHeaders?: HeaderChanges;
  readonly responseHeaders?: HeaderChanges;
  readonly fault?: Fault;
  readonly cors?: Cors;
  /** Name under which the route has statistics of its own. */
  readonly statPrefix?: string;
  /** Operation name for traces; absent where traces keep the default. */
  readonly operation?: string;
  readonly config?: ObjectRef;
}

/** What a request must look like. */
export interface RouteMatch {
  readonly path: PathMatch;
  /** Absent leaves Envoy's default, which is the same as true. */
  readonly caseSensitive?: boolean;
  readonly headers: readonly HeaderMatch[];
  readonly queryParameters: readonly QueryMatch[];
  /** Claims of the request's token, as the filter that verifies it has left them. */
  readonly claims?: readonly { readonly match: MetadataMatch; readonly invert: boolean }[];
}

/** Match of the path without the query. */
export type PathMatch =
  | { readonly kind: "prefix"; readonly value: string }
  /** A prefix that ends at a `/`. */
  | { readonly kind: "segments"; readonly value: string }
  | { readonly kind: "exact"; readonly value: string }
  | { readonly kind: "regex"; readonly value: string };

/** Match of a text. */
export type StringMatch =
  | { readonly kind: "exact"; readonly value: string; readonly ignoreCase?: boolean }
  | { readonly kind: "prefix"; readonly value: string; readonly ignoreCase?: boolean }
  | { readonly kind: "suffix"; readonly value: string; readonly ignoreCase?: boolean }
  | { readonly kind: "contains"; readonly value: string; readonly ignoreCase?: boolean }
  | { readonly kind: "regex"; readonly value: string };

/** Match of a header; `present` takes any value. */
export interface HeaderMatch {
  readonly name: string;
  readonly value: StringMatch | { readonly kind: "present" };
  readonly invert: boolean;
}

/** Match of a query parameter. */
export interface QueryMatch {
  readonly name: string;
  readonly value: StringMatch | { readonly kind: "present" };
}

/** What becomes of a matched request. */
export type RouteAction =
  | Forward
  | {
      readonly kind: "redirect";
      readonly status: 301 | 302 | 303 | 307 | 308;
      readonly path?: string;
      readonly prefix?: string;
      readonly regex?: { readonly pattern: string; readonly substitution: string };
      readonly host?: string;
      readonly port?: number;
      readonly scheme?: string;
    }
  | { readonly kind: "direct-response"; readonly status: number; readonly body?: string | Uint8Array };

/** Sends the request to a backend. */
export interface Forward {
  readonly kind: "forward";
  /** At least one; weights are relative. */
  readonly destinations: readonly WeightedDestination[];
  /** Of the whole request; 0 means none. */
  readonly timeoutMs: number;
  /** Bound on what a gRPC client asks for: as `max_grpc_timeout` outbound, as stream duration inbound. */
  readonly grpcTimeout: { readonly kind: "max"; readonly ms: number } | { readonly kind: "stream-duration" };
  readonly retry?: RetryPolicy;
  readonly rewrite?: Rewrite;
  readonly hash: readonly HashPolicy[];
  readonly mirrors: readonly Mirror[];
  /** What requests get where the backend is not there; 503 unless told. */
  readonly missingBackendStatus?: 500;
}

/** A backend with its share. */
export interface WeightedDestination {
  readonly backend: string;
  readonly weight: number;
  readonly requestHeaders?: HeaderChanges;
  readonly responseHeaders?: HeaderChanges;
  /** Host header for this destination. */
  readonly host?: string;
}

/** Changes to the request before it goes out. */
export interface Rewrite {
  /** Replaces the matched prefix. */
  readonly prefix?: string;
  readonly regex?: { readonly pattern: string; readonly substitution: string };
  readonly host?: string;
}

/** When and how often a request is sent again. */
export interface RetryPolicy {
  readonly attempts: number;
  /** Envoy's words, comma-separated. */
  readonly retryOn: string;
  readonly statusCodes: readonly number[];
  readonly perTryTimeoutMs?: number;
  readonly backoffMs?: number;
  /** Do not pick hosts that were already tried. */
  readonly avoidPreviousHosts: boolean;
  /** How often another host is looked for; absent where the first is taken. */
  readonly hostSelectionAttempts?: number;
  /** Prefer other priorities (localities) than those tried; attempts between changes. */
  readonly remoteLocalities?: boolean;
}

/** What consistent hashing is computed from. */
export type HashPolicy =
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "query"; readonly name: string }
  | { readonly kind: "source-ip" }
  | {
      readonly kind: "cookie";
      readonly name: string;
      readonly path: string;
      /** Absent: the cookie is not generated. */
      readonly ttlMs?: number;
      readonly attributes: readonly { readonly name: string; readonly value: string }[];
    };

/** A copy of the requests, whose answers are thrown away. */
export interface Mirror {
  readonly backend: string;
  /** 0 to 100. */
  readonly percent: number;
}

/** Changes to headers. Order in each list is kept. */
export interface HeaderChanges {
  readonly set: readonly HeaderValue[];
  readonly add: readonly HeaderValue[];
  readonly remove: readonly string[];
}

/** A header and its value. */
export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

/** Failures made on purpose. Percentages are 0 to 100. */
export interface Fault {
  readonly delay?: { readonly percent: number; readonly ms: number };
  readonly abort?: {
    readonly percent: number;
    readonly status:
      | { readonly kind: "http"; readonly code: number }
      | { readonly kind: "grpc"; readonly code: number };
  };
}

/** Cross-origin policy. */
export interface Cors {
  readonly allowOrigins: readonly StringMatch[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds?: number;
  readonly allowCredentials?: boolean;
  readonly forwardUnmatchedPreflights?: boolean;
}
