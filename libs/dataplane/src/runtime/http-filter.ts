import type { Clock } from "@weft/base";
import type { HeaderMap } from "./headers.ts";
import type { RequestHead, ResponseHead } from "./request.ts";
import type { Route } from "./route.ts";
import type { AccessLogger, ResponseFlag, StreamInfo } from "./stream-info.ts";

/** An HTTP filter with its configuration compiled: one for all streams of a connection manager. */
export interface HttpFilter {
  /** The name in the configuration; routes hold per-filter configuration under it. */
  readonly name: string;
  /** Only routes that configure it, or switch it on, have it. */
  readonly offByDefault?: boolean;
  /**
   * Called for each request once its route is known; undefined where the filter has nothing to do with it, so that
   * the stream does not pay for it.
   */
  open(stream: HttpStream): HttpStreamFilter | undefined;
  /** Told of each request that is over, as access logs are: also of those that no filter saw. */
  readonly log?: AccessLogger;
}

/**
 * What became of body bytes that were written: `written` keeps nothing of the chunk, so that its buffer may be used
 * again; `queued` and `full` keep it, and after `full` the writer is to pause.
 */
export type WriteOutcome = "written" | "queued" | "full";

/**
 * `stop` holds the message at this filter until it calls `continueRequest` or `continueResponse`. `buffer` holds a
 * request likewise, and reads its body meanwhile: the filter hears of it in `onRequestBuffered`, and says when it has
 * enough.
 */
export type FilterStatus = "continue" | "stop" | "buffer";

/**
 * A filter at work on one stream. Requests pass the filters in configured order, responses in reverse; each method
 * may change what it is given. A filter that answers itself (`stream.reply`) returns `stop`. Chunks of a response may
 * stand in a buffer that is read into again: a filter that keeps one beyond its call copies it.
 */
export interface HttpStreamFilter {
  onRequest?(head: RequestHead, endStream: boolean): FilterStatus;
  /** The chunk to pass on; undefined holds nothing back and drops it. */
  onRequestData?(chunk: Buffer, endStream: boolean): Buffer | undefined;
  onRequestTrailers?(trailers: HeaderMap): void;
  /** After `buffer`: the body so far. `stop` holds back what is still to come, which is for the filter to bound. */
  onRequestBuffered?(chunks: readonly Buffer[], complete: boolean): "buffer" | "stop";
  onResponse?(head: ResponseHead, endStream: boolean): FilterStatus;
  onResponseData?(chunk: Buffer, endStream: boolean): Buffer | undefined;
  /** Gives what the body is to end with before the trailers; undefined for nothing. */
  onResponseTrailers?(trailers: HeaderMap): Buffer | undefined;
  /** The stream is over, well or not: timers and calls under way end here. */
  onEnd?(): void;
}

/** A response that the proxy makes itself. */
export interface LocalReply {
  readonly status: number;
  /** Plain text; empty for none. */
  readonly body?: string | Uint8Array;
  /** Further headers, `[name, value, …]`. */
  readonly headers?: readonly string[];
  readonly flag?: ResponseFlag;
  /** Response code details. */
  readonly details: string;
  /** For gRPC requests; from the HTTP status unless told. */
  readonly grpcStatus?: number;
}

/** One request and its response, as filters see it. */
export interface HttpStream {
  readonly info: StreamInfo;
  readonly request: RequestHead;
  /** The route chosen; undefined where none matched, or where there is no table. */
  readonly route: Route | undefined;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;

  /** Per-route configuration of a filter: of the weighted cluster, else of the route and what is above it. */
  filterConfig(name: string): unknown;
  /** Chooses the route again, after a filter changed what routes match on. */
  refreshRoute(): void;
  /** Passes a stopped request on to the next filter. */
  continueRequest(): void;
  /** Passes a stopped response on to the next filter. */
  continueResponse(): void;
  /** Answers in place of the upstream. Ignored where a response has been started: then the stream is reset. */
  reply(reply: LocalReply): void;
  /** Ends the stream because something threw in a callback of the filter's own: 500, counted, and logged once. */
  fail(error: unknown): void;
}

/** What the last filter of a chain does besides: it is where requests end and responses begin. */
export interface TerminalStream extends HttpStream {
  /** A response head for the filters; `endStream` where no body follows. */
  respond(head: ResponseHead, endStream: boolean): void;
  /** An informational head (1xx), straight to the client. */
  respondInformational(head: ResponseHead): void;
  /** Body bytes. After `full` pause until `onWritable` of the terminal filter. */
  respondData(chunk: Buffer, endStream: boolean): WriteOutcome;
  respondTrailers(trailers: HeaderMap): void;
  /** The response cannot be finished: breaks off, so that the client can tell. */
  abortResponse(flag: ResponseFlag, details: string): void;
  /** Holds the request's body back (true), or lets it flow on (false). */
  holdRequest(hold: boolean): void;
}

/** The last filter at work on a stream: the router. */
export interface TerminalStreamFilter {
  onRequest(head: RequestHead, endStream: boolean): void;
  onRequestData(chunk: Buffer, endStream: boolean): void;
  onRequestTrailers(trailers: HeaderMap): void;
  /** The client takes bytes again after `respondData` gave false. */
  onWritable(): void;
  /** The stream is over; if it ended early, what is under way upstream is reset. */
  onEnd(): void;
}

/** The last filter of a chain, compiled. */
export interface TerminalHttpFilter {
  readonly name: string;
  open(stream: TerminalStream): TerminalStreamFilter;
}
