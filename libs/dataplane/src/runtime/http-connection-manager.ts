import type { Clock } from "@weft/base";
import type { HttpFilter, TerminalHttpFilter } from "./http-filter.ts";
import type { Http2Settings } from "./http2-settings.ts";
import type { RouteTable } from "./route.ts";
import type { StatsScope } from "./stats.ts";
import type { AccessLogger } from "./stream-info.ts";

/** Envoy's HttpConnectionManager, without Envoy's types: all times in milliseconds, 0 for none. */
export interface HttpConnectionManagerConfig {
  /** `auto` looks at ALPN, then at the first bytes. */
  readonly codec: "auto" | "http1" | "http2";
  /** The scope `http.<stat_prefix>.`. */
  readonly stats: StatsScope;
  /** The current table, asked for once per request at its start; undefined while RDS has sent none: 404. */
  readonly routes: () => RouteTable | undefined;
  /** In order, without the last. */
  readonly filters: readonly HttpFilter[];
  /** The router. */
  readonly terminal: TerminalHttpFilter;
  readonly accessLogs: readonly AccessLogger[];
  readonly http1: Http1Settings;
  readonly http2: Http2Settings;
  readonly headers: HeaderSettings;
  readonly path: PathSettings;
  readonly timeouts: StreamTimeouts;
  readonly limits: HeadLimits;
  /** Upgrades allowed, in lower case: `websocket`, `connect`. */
  readonly upgrades: ReadonlySet<string>;
  /** Passes `Expect: 100-continue` on to the upstream in place of answering it here. */
  readonly proxy100Continue: boolean;
  /** Requests after which a downstream connection is closed; 0 for no limit. */
  readonly maxRequestsPerConnection: number;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** A fresh request id: a UUID. */
  readonly requestId: () => string;
}

/** What HTTP/1 peers may do. */
export interface Http1Settings {
  /** Takes HTTP/1.0 requests; else they are answered 426. */
  readonly acceptHttp10: boolean;
  /** Authority for HTTP/1.0 requests without `host`. */
  readonly defaultHost: string;
  /** Takes `GET http://host/path`; in Envoy on unless told. */
  readonly allowAbsoluteUrl: boolean;
  /** Writes header names in the case they came in; else in lower case. */
  readonly preserveHeaderCase: boolean;
  /** Takes `transfer-encoding: chunked` beside `content-length`, and drops the latter. */
  readonly allowChunkedLength: boolean;
  /** Passes trailers on; else they are read and dropped. */
  readonly enableTrailers: boolean;
}

/** What is done to headers of every request and response. */
export interface HeaderSettings {
  readonly serverName: string;
  readonly serverHeader: "overwrite" | "append-if-absent" | "pass-through";
  /** The peer's address is the client's: x-forwarded-for starts here, and edge headers are cleaned. */
  readonly useRemoteAddress: boolean;
  readonly xffNumTrustedHops: number;
  readonly skipXffAppend: boolean;
  readonly via: string;
  /** Makes `x-request-id` where absent. */
  readonly generateRequestId: boolean;
  /** Keeps the id that an outside client sent. */
  readonly preserveExternalRequestId: boolean;
  readonly alwaysSetRequestIdInResponse: boolean;
  /** `x-forwarded-client-cert`. */
  readonly forwardClientCert:
    | "sanitize"
    | "forward-only"
    | "append-forward"
    | "sanitize-set"
    | "always-forward-only";
  readonly clientCertDetails: {
    readonly subject: boolean;
    readonly uri: boolean;
    readonly dns: boolean;
    readonly cert: boolean;
  };
  /** True for addresses inside the mesh (`internal_address_config`). */
  readonly internalAddress: (address: string) => boolean;
  /** Strips the port from the authority: any, or only the listener's own. */
  readonly stripPort: "none" | "matching" | "any";
  /** Takes the dot at the end of the authority's host away. */
  readonly stripTrailingDot: boolean;
  /** Header names with `_`. */
  readonly underscores: "allow" | "reject" | "drop";
}

/** Changes to the path before routes are matched. */
export interface PathSettings {
  /** RFC 3986 dot segments and encodings. */
  readonly normalize: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: "keep" | "reject" | "unescape-redirect" | "unescape-forward";
}

/** Limits on a request's time. */
export interface StreamTimeouts {
  /** Without a byte either way; 300,000 in Envoy. Routes may say otherwise. */
  readonly streamIdleMs: number;
  /** For the whole request to arrive. */
  readonly requestMs: number;
  /** For the head to arrive. */
  readonly requestHeadersMs: number;
  /** A connection without streams; 3,600,000 in Envoy. */
  readonly idleMs: number;
  /** Longest life of a stream. */
  readonly maxStreamDurationMs: number;
  /** Longest life of a connection: it is drained then. */
  readonly maxConnectionDurationMs: number;
  /** Between `connection: close` and the close of a draining connection; 5,000 in Envoy. */
  readonly drainMs: number;
}

/** Bounds of a head. */
export interface HeadLimits {
  /** 61,440 (60 KiB) in Envoy: more is answered 431. */
  readonly maxHeadBytes: number;
  /** 100 in Envoy. */
  readonly maxHeaders: number;
}

/** Settings as Envoy has them where its configuration says nothing. */
export const defaultHttp1Settings: Http1Settings = {
  acceptHttp10: false,
  defaultHost: "",
  allowAbsoluteUrl: true,
  preserveHeaderCase: false,
  allowChunkedLength: false,
  enableTrailers: false,
};

/** As Envoy has them; no address counts as inside. */
export const defaultHeaderSettings: HeaderSettings = {
  serverName: "envoy",
  serverHeader: "overwrite",
  useRemoteAddress: false,
  xffNumTrustedHops: 0,
  skipXffAppend: false,
  via: "",
  generateRequestId: true,
  preserveExternalRequestId: false,
  alwaysSetRequestIdInResponse: false,
  forwardClientCert: "sanitize",
  clientCertDetails: { subject: false, uri: false, dns: false, cert: false },
  internalAddress: () => false,
  stripPort: "none",
  stripTrailingDot: false,
  underscores: "allow",
};

/** As Envoy has them. */
export const defaultPathSettings: PathSettings = {
  normalize: false,
  mergeSlashes: false,
  escapedSlashes: "keep",
};

/** As Envoy has them. */
export const defaultStreamTimeouts: StreamTimeouts = {
  streamIdleMs: 300_000,
  requestMs: 0,
  requestHeadersMs: 0,
  idleMs: 3_600_000,
  maxStreamDurationMs: 0,
  maxConnectionDurationMs: 0,
  drainMs: 5000,
};

/** As Envoy has them. */
export const defaultHeadLimits: HeadLimits = { maxHeadBytes: 60 * 1024, maxHeaders: 100 };
