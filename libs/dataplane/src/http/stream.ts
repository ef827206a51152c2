import type { Clock } from "@weft/base";
import type { MessageReceiver, ResetReason, ServerStream } from "../codec/codec.ts";
import type { OnFault } from "../runtime/faults.ts";
import type { HeaderMap } from "../runtime/headers.ts";
import type { HttpConnectionManagerConfig } from "../runtime/http-connection-manager.ts";
import type {
  FilterStatus,
  HttpStreamFilter,
  LocalReply,
  TerminalStream,
  TerminalStreamFilter,
  WriteOutcome,
} from "../runtime/http-filter.ts";
import type { RequestHead, RequestView, ResponseHead } from "../runtime/request.ts";
import type { Route, RouteTable } from "../runtime/route.ts";
import type { ResponseFlag, StreamInfo } from "../runtime/stream-info.ts";
import type { DownstreamStats } from "./downstream-stats.ts";
import { localReplies, toResponse } from "./local-reply.ts";
import { mutateResponseHeaders } from "./response-headers.ts";
import { StreamTimers, type TimedStream } from "./stream-timers.ts";
import type { TimerWheel } from "./timer-wheel.ts";

/** What a stream has from its connection manager. */
export interface StreamContext {
  readonly config: HttpConnectionManagerConfig;
  readonly wheel: TimerWheel;
  readonly stats: DownstreamStats;
  readonly date: () => string;
  /** Told of what threw; the stream that it happened to is answered 500, or broken off. */
  readonly onFault: OnFault;
}

/** Flag and details of a stream that the client, or its connection, has ended. */
function endedBy(reason: ResetReason): readonly [ResponseFlag, string] {
  switch (reason.kind) {
    case "protocol-error":
      return ["DPE", reason.error.details];
    case "stream-reset":
    case "refused":
      return ["DR", "http2.remote_reset"];
    default:
      return ["DC", "downstream_remote_disconnect"];
  }
}

const empty = Buffer.alloc(0);
/** Body bytes held while a filter has stopped its message; the sender is paused at the first of them. */
type Held = { chunks: Buffer[]; end: boolean; trailers: HeaderMap | undefined };

/**
 * One request and its response on their way through the filters:
 *
 *     codec ──▶ filter 0 ──▶ filter 1 ──▶ … ──▶ terminal (router)
 *     codec ◀── filter 0 ◀── filter 1 ◀── … ◀── terminal
 */
export class ActiveStream implements TerminalStream, MessageReceiver, TimedStream {
  readonly info: StreamInfo;
  readonly request: RequestHead;
  readonly clock: Clock;
  readonly random: () => number;
  route: Route | undefined;

  readonly #context: StreamContext;
  readonly #codec: ServerStream;
  readonly #table: RouteTable | undefined;
  #filters: HttpStreamFilter[] = [];
  #terminal: TerminalStreamFilter | undefined;

  /** The filter that has the request's head; those before it are done with it. */
  #requestAt = 0;
  #requestStopped = false;
  #requestEnd: boolean;
  #requestHeld: Held | undefined;
  /** Has stopped the request, and wants its body. */
  #bufferingFilter: HttpStreamFilter | undefined;
  #terminalStarted = false;
  #holdByTerminal = false;

  #response: ResponseHead | undefined;
  #responseAt = 0;
  #responseStopped = false;
  #responseEnd = false;
  #responseHeld: Held | undefined;
  #headWritten = false;
  #failed = false;
  #finished = false;

  readonly #timers: StreamTimers;

  constructor(
    context: StreamContext,
    codec: ServerStream,
    request: RequestHead,
    info: StreamInfo,
    endStream: boolean,
  ) {
    const { config } = context;
    this.#context = context;
    this.#codec = codec;
    this.request = request;
    this.info = info;
    this.clock = config.clock;
    this.random = config.random;
    this.#requestEnd = endStream;
    this.#table = config.routes();
    this.#timers = new StreamTimers(context.wheel, this, info.started);
    if (endStream) info.requestComplete = info.started;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Chooses the route and sends the request's head on its way. */
  start(): void {
    try {
      this.#start();
    } catch (error) {
      this.fail(error);
    }
  }

  #start(): void {
    const { config } = this.#context;
    this.refreshRoute();
    const connects = this.request.upgrade === "connect";
    if (this.request.upgrade !== "" && !(connects && this.route === undefined) && !this.#upgradeAllowed()) {
      this.refuse(localReplies.upgradeRefused);
      return;
    }
    const action = this.route?.action;
    this.#timers.start(config.timeouts, action?.kind === "forward" ? action : undefined);
    const filters: HttpStreamFilter[] = [];
    for (const filter of config.filters) {
      const opened = filter.open(this);
      if (opened !== undefined) filters.push(opened);
    }
    this.#filters = filters;
    this.#terminal = config.terminal.open(this);
    this.#runRequest(0);
  }

  /** Answers a request that is not to pass the filters, and closes the connection. */
  refuse(reply: LocalReply): void {
    this.#codec.closeAfterResponse();
    this.reply(reply);
  }

  #upgradeAllowed(): boolean {
    const action = this.route?.action;
    const kind = this.request.upgrade;
    const byRoute = action?.kind === "forward" ? action.upgrades?.get(kind) : undefined;
    return byRoute ?? this.#context.config.upgrades.has(kind);
  }

  refreshRoute(): void {
    // Most requests meet their route before anything is noted of them.
    const request = this.info.hasMetadata ? withMetadata(this.request, this.info) : this.request;
    this.route = this.#table?.match(request, this.random());
    this.info.route = this.route;
    const action = this.route?.action;
    // Here, not in the router: a weighted cluster brings filter configuration.
    this.info.clusterChoice =
      action?.kind === "forward" ? action.pick(this.random(), this.request) : undefined;
  }

  filterConfig(name: string): unknown {
    return this.info.clusterChoice?.filterConfig?.get(name) ?? this.route?.filterConfig.get(name);
  }

  // TimedStream

  now(): number {
    return this.clock.monotonic();
  }

  get requestComplete(): boolean {
    return this.#requestEnd;
  }

  onTimeout(reply: LocalReply): void {
    if (reply.flag === "SI") this.#context.stats.idleTimeout.inc();
    if (!this.#requestEnd) this.#codec.closeAfterResponse();
    this.reply(reply);
  }

  #touch(): number {
    const now = this.clock.monotonic();
    this.#timers.lastActivity = now;
    return now;
  }

  // The request's way

  #runRequest(from: number): void {
    const filters = this.#filters;
    for (let i = from; i < filters.length; i++) {
      this.#requestAt = i;
      const status: FilterStatus | undefined = filters[i]?.onRequest?.(this.request, this.#requestEnd);
      if (this.#finished || this.#response !== undefined) return; // answered here
      if (status !== "stop" && status !== "buffer") continue;
      this.#requestStopped = true;
      if (status === "buffer") this.#bufferingFilter = filters[i];
      if (!this.#requestEnd) this.#updateHold();
      return;
    }
    this.#requestAt = filters.length;
    this.#terminalStarted = true;
    const held = this.#requestHeld;
    this.#terminal?.onRequest(this.request, this.#requestEnd && held === undefined);
    if (held !== undefined) this.#releaseRequest(held);
  }

  #releaseRequest(held: Held): void {
    this.#requestHeld = undefined;
    const { chunks, end, trailers } = held;
    for (const [i, chunk] of chunks.entries()) this.#requestData(chunk, end && i === chunks.length - 1);
    if (trailers !== undefined) this.#requestTrailers(trailers);
  }

  continueRequest(): void {
    if (!this.#requestStopped || this.#finished || this.#response !== undefined) return;
    this.#requestStopped = false;
    this.#bufferingFilter = undefined;
    try {
      this.#runRequest(this.#requestAt + 1);
    } catch (error) {
      this.fail(error);
    }
    this.#updateHold();
  }

  onData(chunk: Buffer, endStream: boolean): void {
    const now = this.#touch();
    this.info.bytesReceived += chunk.length;
    if (endStream) this.#requestCompleted(now);
    if (this.#finished) return;
    if (!this.#terminalStarted) {
      this.#requestHeld ??= { chunks: [], end: false, trailers: undefined };
      this.#requestHeld.chunks.push(chunk);
      this.#requestHeld.end = endStream;
      this.#feedBuffering(this.#requestHeld);
      return;
    }
    try {
      this.#requestData(chunk, endStream);
    } catch (error) {
      this.fail(error);
    }
  }

  #feedBuffering({ chunks }: Held): void {
    const filter = this.#bufferingFilter;
    if (filter === undefined) return;
    try {
      if (filter.onRequestBuffered?.(chunks, this.#requestEnd) === "buffer") return;
    } catch (error) {
      this.fail(error);
    }
    this.#bufferingFilter = undefined;
    if (!this.#requestEnd) this.#updateHold();
  }

  #requestData(chunk: Buffer, endStream: boolean): void {
    let data = chunk;
    for (const filter of this.#filters) {
      if (filter.onRequestData !== undefined) data = filter.onRequestData(data, endStream) ?? empty;
    }
    if (data.length > 0 || endStream) this.#terminal?.onRequestData(data, endStream);
  }

  onTrailers(trailers: HeaderMap): void {
    this.#requestCompleted(this.#touch());
    if (this.#finished) return;
    if (!this.#terminalStarted) {
      this.#requestHeld ??= { chunks: [], end: false, trailers: undefined };
      this.#requestHeld.trailers = trailers;
      this.#feedBuffering(this.#requestHeld);
      return;
    }
    try {
      this.#requestTrailers(trailers);
    } catch (error) {
      this.fail(error);
    }
  }

  #requestTrailers(trailers: HeaderMap): void {
    for (const filter of this.#filters) filter.onRequestTrailers?.(trailers);
    this.#terminal?.onRequestTrailers(trailers);
  }

  #requestCompleted(now: number): void {
    this.#requestEnd = true;
    this.info.requestComplete = now;
    this.#timers.requestCompleted();
  }

  holdRequest(hold: boolean): void {
    this.#holdByTerminal = hold;
    this.#updateHold();
  }

  #updateHold(): void {
    const stopped = this.#requestStopped && this.#bufferingFilter === undefined;
    if (!this.#finished) this.#codec.hold(this.#holdByTerminal || stopped);
  }

  onReset(reason: ResetReason): void {
    if (this.#finished) return;
    if (reason.kind === "protocol-error" && this.request.protocol !== "HTTP/2") {
      this.refuse(localReplies.codecError(reason.error.status, reason.error.details));
      return;
    }
    const [flag, details] = endedBy(reason);
    this.info.flags.add(flag);
    this.info.details = details;
    this.#context.stats.resetReceived.inc();
    this.#finish();
  }

  // The response's way

  respondInformational(head: ResponseHead): void {
    if (!this.#finished && this.#response === undefined) this.#codec.writeInformational(head);
  }

  respond(head: ResponseHead, endStream: boolean): void {
    if (this.#finished || this.#response !== undefined) return;
    this.#response = head;
    this.#responseEnd = endStream;
    this.#touch();
    try {
      // Filters that threw are not asked about the answer that says so.
      this.#runResponse(this.#failed ? -1 : this.#filters.length - 1);
    } catch (error) {
      this.fail(error);
    }
  }

  #runResponse(from: number): void {
    const head = this.#response;
    if (head === undefined) return;
    const filters = this.#filters;
    for (let i = from; i >= 0; i--) {
      this.#responseAt = i;
      const status = filters[i]?.onResponse?.(head, this.#responseEnd);
      if (this.#finished) return;
      if (status === "stop") {
        this.#responseStopped = true;
        return;
      }
    }
    this.#writeHead(head, this.#responseEnd && this.#responseHeld === undefined);
    const held = this.#responseHeld;
    if (held === undefined) return;
    this.#responseHeld = undefined;
    for (const [i, chunk] of held.chunks.entries())
      this.#writeData(chunk, held.end && i === held.chunks.length - 1);
    if (held.trailers !== undefined) this.#writeTrailers(held.trailers);
  }

  #writeHead(head: ResponseHead, endStream: boolean): void {
    const { info } = this;
    const { config, date } = this.#context;
    mutateResponseHeaders(head, info, config, date);
    info.response = head;
    info.responseCode = head.status;
    info.downstreamFirstByteSent = this.clock.monotonic();
    this.#headWritten = true;
    this.#codec.writeHead(head, endStream);
    if (endStream) this.#finish();
  }

  continueResponse(): void {
    if (!this.#responseStopped || this.#finished) return;
    this.#responseStopped = false;
    try {
      this.#runResponse(this.#responseAt - 1);
    } catch (error) {
      this.fail(error);
    }
    if (!this.#finished) this.#terminal?.onWritable();
  }

  respondData(chunk: Buffer, endStream: boolean): WriteOutcome {
    if (this.#finished) return "written";
    if (!this.#headWritten) {
      this.#responseHeld ??= { chunks: [], end: false, trailers: undefined };
      this.#responseHeld.chunks.push(chunk);
      this.#responseHeld.end = endStream;
      return "full";
    }
    this.#touch();
    try {
      return this.#writeData(chunk, endStream);
    } catch (error) {
      this.fail(error);
      return "written";
    }
  }

  #writeData(chunk: Buffer, endStream: boolean): WriteOutcome {
    let data = chunk;
    const filters = this.#filters;
    for (let i = this.#failed ? -1 : filters.length - 1; i >= 0; i--) {
      const filter = filters[i];
      if (filter?.onResponseData !== undefined) data = filter.onResponseData(data, endStream) ?? empty;
    }
    this.info.bytesSent += data.length;
    const outcome = this.#codec.writeData(data, endStream);
    if (endStream) this.#finish();
    return outcome;
  }

  respondTrailers(trailers: HeaderMap): void {
    if (this.#finished) return;
    if (this.#headWritten) {
      try {
        this.#writeTrailers(trailers);
      } catch (error) {
        this.fail(error);
      }
      return;
    }
    this.#responseHeld ??= { chunks: [], end: false, trailers: undefined };
    this.#responseHeld.trailers = trailers;
  }

  #writeTrailers(trailers: HeaderMap): void {
    for (let i = this.#filters.length - 1; i >= 0; i--) this.#filters[i]?.onResponseTrailers?.(trailers);
    this.info.responseTrailers = trailers;
    this.#codec.writeTrailers(trailers);
    this.#finish();
  }

  onWritable(): void {
    this.#touch();
    if (!this.#finished && this.#headWritten) this.#terminal?.onWritable();
  }

  reply(reply: LocalReply): void {
    if (this.#finished) return;
    const { info } = this;
    if (reply.flag !== undefined) info.flags.add(reply.flag);
    info.details = reply.details;
    if (this.#headWritten) {
      this.#break();
      return;
    }
    // What was on its way back is replaced; filters see the reply as they would see a response.
    this.#response = undefined;
    this.#responseHeld = undefined;
    this.#responseStopped = false;
    const { head, body } = toResponse(reply, this.request);
    this.respond(head, body.length === 0);
    if (body.length > 0) this.respondData(body, true);
  }

  /** Something threw: this request is answered 500, or broken off where it has had an answer. */
  fail(error: unknown): void {
    this.#context.stats.internalErrors.inc();
    this.#context.onFault(error);
    if (this.#finished) return;
    if (this.#failed) {
      this.#break(); // even the answer threw
      return;
    }
    this.#failed = true;
    this.reply(localReplies.internalError);
  }

  abortResponse(flag: ResponseFlag, details: string): void {
    if (this.#finished) return;
    this.info.flags.add(flag);
    this.info.details = details;
    this.#break();
  }

  #break(): void {
    this.#finish();
    this.#codec.reset();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    const { info } = this;
    const { config, stats } = this.#context;
    this.#timers.stop();
    try {
      this.#terminal?.onEnd();
      for (const filter of this.#filters) filter.onEnd?.();
    } catch (error) {
      this.#context.onFault(error);
    }
    info.ended = this.clock.monotonic();
    info.downstreamLastByteSent = info.ended;
    stats.requestDone(info);
    try {
      for (const log of config.accessLogs) log(info);
    } catch (error) {
      this.#context.onFault(error);
    }
  }
}

/** A request with what filters have noted of it, which routes may ask for. */
function withMetadata(request: RequestHead, { metadata }: StreamInfo): RequestView {
  const { method, path, authority, scheme } = request;
  return {
    method,
    path,
    authority,
    scheme,
    header: (name) => request.header(name),
    metadata: (filter) => metadata.get(filter),
  };
}
