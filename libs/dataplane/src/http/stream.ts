import type { Clock } from "@weft/base";
import type { MessageReceiver, ResetReason, ServerStream } from "../codec/codec.ts";
import type { OnFault } from "../runtime/faults.ts";
import type { HeaderMap } from "../runtime/headers.ts";
import type { HttpConnectionManagerConfig } from "../runtime/http-connection-manager.ts";
import type {
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
import { RequestPath, type RequestPathOwner } from "./request-path.ts";
import { mutateResponseHeaders } from "./response-headers.ts";
import { ResponsePath, type ResponsePathOwner } from "./response-path.ts";
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

/**
 * One request and its response on their way through the filters:
 *
 *     codec ──▶ filter 0 ──▶ filter 1 ──▶ … ──▶ terminal (router)
 *     codec ◀── filter 0 ◀── filter 1 ◀── … ◀── terminal
 */
export class ActiveStream
  implements TerminalStream, MessageReceiver, TimedStream, RequestPathOwner, ResponsePathOwner
{
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

  readonly #requestPath: RequestPath;
  readonly #responsePath: ResponsePath;
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
    this.#requestPath = new RequestPath(this, endStream);
    this.#responsePath = new ResponsePath(this, codec);
    this.#table = config.routes();
    this.#timers = new StreamTimers(context.wheel, this, info.started);
    if (endStream) info.requestComplete = info.started;
  }

  get finished(): boolean {
    return this.#finished;
  }

  get answered(): boolean {
    return this.#responsePath.started;
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
    const switches = this.route?.filterSwitches;
    for (const filter of config.filters) {
      if (switches !== undefined && switches.get(filter.name) === false) continue;
      if (filter.offByDefault === true && !this.#isOn(filter.name)) continue;
      const opened = filter.open(this);
      if (opened !== undefined) filters.push(opened);
    }
    this.#filters = filters;
    this.#responsePath.filters = filters;
    this.#terminal = config.terminal.open(this);
    this.#requestPath.start(filters, this.#terminal);
  }

  #isOn(filter: string): boolean {
    return this.route?.filterSwitches?.get(filter) === true || this.filterConfig(filter) !== undefined;
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
    return this.#requestPath.ended;
  }

  onTimeout(reply: LocalReply): void {
    if (reply.flag === "SI") this.#context.stats.idleTimeout.inc();
    if (!this.#requestPath.ended) this.#codec.closeAfterResponse();
    this.reply(reply);
  }

  #touch(): number {
    const now = this.clock.monotonic();
    this.#timers.lastActivity = now;
    return now;
  }

  // The request's way

  continueRequest(): void {
    this.#requestPath.continue();
  }

  onData(chunk: Buffer, endStream: boolean): void {
    const now = this.#touch();
    this.info.bytesReceived += chunk.length;
    if (endStream) this.#requestCompleted(now);
    if (!this.#finished) this.#requestPath.takeData(chunk, endStream);
  }

  onTrailers(trailers: HeaderMap): void {
    this.#requestCompleted(this.#touch());
    if (!this.#finished) this.#requestPath.takeTrailers(trailers);
  }

  #requestCompleted(now: number): void {
    this.#requestPath.ended = true;
    this.info.requestComplete = now;
    this.#timers.requestCompleted();
  }

  holdRequest(hold: boolean): void {
    this.#requestPath.hold(hold);
  }

  holdBody(hold: boolean): void {
    if (!this.#finished) this.#codec.hold(hold);
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
    this.finish();
  }

  // The response's way

  respondInformational(head: ResponseHead): void {
    if (!this.#finished && !this.answered) this.#codec.writeInformational(head);
  }

  respond(head: ResponseHead, endStream: boolean): void {
    if (this.#finished || this.answered) return;
    this.#touch();
    this.#responsePath.start(head, endStream);
  }

  prepareHead(head: ResponseHead): void {
    const { info } = this;
    const { config, date } = this.#context;
    mutateResponseHeaders(head, info, config, date);
    info.response = head;
    info.responseCode = head.status;
    info.downstreamFirstByteSent = this.clock.monotonic();
  }

  continueResponse(): void {
    if (this.#finished || !this.#responsePath.continue()) return;
    if (!this.#finished) this.#terminal?.onWritable();
  }

  respondData(chunk: Buffer, endStream: boolean): WriteOutcome {
    if (this.#finished) return "written";
    this.#touch();
    return this.#responsePath.takeData(chunk, endStream);
  }

  respondTrailers(trailers: HeaderMap): void {
    if (!this.#finished) this.#responsePath.takeTrailers(trailers);
  }

  onWritable(): void {
    this.#touch();
    if (!this.#finished && this.#responsePath.headWritten) this.#terminal?.onWritable();
  }

  reply(reply: LocalReply): void {
    if (this.#finished) return;
    const { info } = this;
    if (reply.flag !== undefined) info.flags.add(reply.flag);
    info.details = reply.details;
    if (this.#responsePath.headWritten) {
      this.#break();
      return;
    }
    // What was on its way back is replaced; filters see the reply as they would see a response.
    this.#responsePath.discard();
    const { head, body } = toResponse(reply, this.request);
    this.respond(head, body.length === 0);
    if (body.length > 0) this.respondData(body, true);
  }

  /** Something threw: this request is answered 500, or broken off where it has had an answer. */
  fail(error: unknown): void {
    this.#context.stats.internalError();
    this.#context.onFault(error);
    if (this.#finished) return;
    if (this.#failed) {
      this.#break(); // even the answer threw
      return;
    }
    this.#failed = true;
    // Filters that threw are not asked about the answer that says so.
    this.#responsePath.filters = [];
    this.reply(localReplies.internalError);
  }

  abortResponse(flag: ResponseFlag, details: string): void {
    if (this.#finished) return;
    this.info.flags.add(flag);
    this.info.details = details;
    this.#break();
  }

  #break(): void {
    this.finish();
    this.#codec.reset();
  }

  finish(): void {
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
