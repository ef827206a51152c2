import type { MessageReceiver, ServerConnection, ServerHandler, ServerStream } from "../codec/codec.ts";
import type { CodecError } from "../codec/error.ts";
import type { FlushQueue } from "../codec/flush-queue.ts";
import { createServerConnection, type ServerProtocol } from "../codec/server.ts";
import type {
  AcceptedConnection,
  ConnectionInfo,
  NetworkFilter,
  ServedConnection,
} from "../runtime/connection.ts";
import type { OnFault } from "../runtime/faults.ts";
import { HeaderMap } from "../runtime/headers.ts";
import type { HttpConnectionManagerConfig } from "../runtime/http-connection-manager.ts";
import type { LocalReply } from "../runtime/http-filter.ts";
import { RequestHead, ResponseHead } from "../runtime/request.ts";
import { StreamInfo } from "../runtime/stream-info.ts";
import { createDateSource } from "./date.ts";
import { DownstreamStats } from "./downstream-stats.ts";
import { localReplies } from "./local-reply.ts";
import { compilePathNormalizer, type NormalizedPath } from "./path.ts";
import { mutateRequestHeaders } from "./request-headers.ts";
import { ActiveStream, type StreamContext } from "./stream.ts";
import { type TimerWheel, WheelTimer } from "./timer-wheel.ts";

/** As Envoy: how long a closed connection still reads. */
const delayedCloseMs = 1000;

/**
 * Envoy's HTTP connection manager: turns connections into streams, and runs each through the filters.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_connection_management
 */
export function createHttpConnectionManager(
  config: HttpConnectionManagerConfig,
  shares: { readonly wheel: TimerWheel; readonly queue: FlushQueue; readonly onFault?: OnFault | undefined },
): NetworkFilter {
  const shared: Shared = {
    config,
    wheel: shares.wheel,
    queue: shares.queue,
    stats: new DownstreamStats(config.stats),
    date: createDateSource(config.clock),
    onFault: shares.onFault ?? (() => {}),
    normalize: compilePathNormalizer(config.path),
  };
  return (connection) => new HttpConnection(shared, connection);
}

interface Shared extends StreamContext {
  readonly queue: FlushQueue;
  readonly normalize: ((path: string) => NormalizedPath) | undefined;
}

class HttpConnection implements ServedConnection, ServerHandler {
  readonly closed: Promise<void>;
  readonly #shared: Shared;
  readonly #info: ConnectionInfo;
  readonly #codec: ServerConnection;
  readonly #idleTimer: WheelTimer;
  readonly #durationTimer: WheelTimer | undefined;
  #headTimer: WheelTimer | undefined;
  #drainTimer: WheelTimer | undefined;
  #requests = 0;
  #settleClosed: () => void = () => {};

  constructor(shared: Shared, accepted: AcceptedConnection) {
    const { config, wheel, stats } = shared;
    this.#shared = shared;
    this.#info = accepted.info;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#idleTimer = new WheelTimer(() => {
      stats.connectionIdleTimeout.inc();
      this.close();
    });
    stats.connections.inc();
    stats.activeConnections.inc();
    accepted.socket.setNoDelay(true);
    this.#codec = createServerConnection(
      chooseProtocol(config, accepted.info),
      accepted.socket,
      accepted.head,
      {
        ...config.limits,
        ...config.http1,
        preserveCase: config.http1.preserveHeaderCase,
        http2: config.http2,
        queue: shared.queue,
        delayedCloseMs,
        clock: config.clock,
      },
      this,
    );
    if (config.timeouts.maxConnectionDurationMs > 0) {
      this.#durationTimer = new WheelTimer(() => this.drain());
      wheel.arm(this.#durationTimer, config.timeouts.maxConnectionDurationMs);
    }
    if (!this.#codec.busy) this.#watchIdle();
  }

  drain(): void {
    if (this.#drainTimer !== undefined) return;
    this.#shared.stats.drainClose.inc();
    this.#codec.drain();
    // A client may be about to send: it is given so long to learn of the drain.
    this.#drainTimer = new WheelTimer(() => this.#codec.finish());
    this.#shared.wheel.arm(this.#drainTimer, this.#shared.config.timeouts.drainMs);
  }

  close(): void {
    this.#codec.close();
  }

  #watchIdle(): void {
    const { idleMs } = this.#shared.config.timeouts;
    if (idleMs > 0) this.#shared.wheel.arm(this.#idleTimer, idleMs);
  }

  // ServerHandler

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): MessageReceiver {
    const { config, stats } = this.#shared;
    this.#stopWaiting();
    stats.requests.inc();
    if (head.protocol === "HTTP/2") stats.http2Requests.inc();
    else stats.http1Requests.inc();
    stats.activeRequests.inc();
    this.#requests++;
    if (config.maxRequestsPerConnection > 0 && this.#requests >= config.maxRequestsPerConnection) {
      // Not at once: what inspection has read is taken while the codec is made.
      if (head.protocol === "HTTP/2") queueMicrotask(() => this.drain());
      else stream.closeAfterResponse();
    }
    const info = this.#newInfo(head);
    const active = new ActiveStream(this.#shared, stream, head, info, endStream);
    try {
      this.#begin(active, stream);
    } catch (error) {
      active.fail(error);
    }
    return active;
  }

  onBadRequest(stream: ServerStream, error: CodecError): void {
    const { stats } = this.#shared;
    this.#stopWaiting();
    stats.protocolErrors.inc();
    stats.requests.inc();
    stats.activeRequests.inc();
    const head = new RequestHead("", "", "", "HTTP/1.1", new HeaderMap());
    const active = new ActiveStream(this.#shared, stream, head, this.#newInfo(head), true);
    active.refuse(localReplies.codecError(error.status, error.details));
  }

  onProtocolError(): void {
    this.#shared.stats.protocolErrors.inc();
  }

  onUnreadableRequest(flag: "DPE" | "DR", details: string): void {
    const { config, stats } = this.#shared;
    stats.requests.inc();
    stats.http2Requests.inc();
    const info = this.#newInfo(new RequestHead("", "", "", "HTTP/2", new HeaderMap()));
    info.flags.add(flag);
    info.details = details;
    info.ended = info.started;
    for (const log of config.accessLogs) log(info);
  }

  onPartialHead(): void {
    const { requestHeadersMs } = this.#shared.config.timeouts;
    if (requestHeadersMs <= 0 || this.#headTimer !== undefined) return;
    this.#headTimer = new WheelTimer(() => this.#codec.expireHead());
    this.#shared.wheel.arm(this.#headTimer, requestHeadersMs);
  }

  /** A head is here, whole or broken. */
  #stopWaiting(): void {
    const { wheel } = this.#shared;
    wheel.cancel(this.#idleTimer);
    if (this.#headTimer === undefined) return;
    wheel.cancel(this.#headTimer);
    this.#headTimer = undefined;
  }

  onIdle(): void {
    this.#watchIdle();
  }

  onClose(): void {
    const { wheel, stats } = this.#shared;
    this.#stopWaiting();
    if (this.#durationTimer !== undefined) wheel.cancel(this.#durationTimer);
    if (this.#drainTimer !== undefined) wheel.cancel(this.#drainTimer);
    stats.activeConnections.dec();
    stats.destroyed.inc();
    this.#settleClosed();
  }

  #newInfo(head: RequestHead): StreamInfo {
    const { clock } = this.#shared.config;
    const info = new StreamInfo(this.#info, clock.now(), clock.monotonic());
    info.protocol = head.protocol;
    info.request = head;
    info.originalPath = head.path;
    return info;
  }

  #begin(active: ActiveStream, stream: ServerStream): void {
    const { config } = this.#shared;
    const { request: head, info } = active;
    const refusal = this.#admit(head);
    if (refusal !== undefined) {
      // As Envoy: the connection outlives this one.
      if (refusal === localReplies.absolutePath) active.reply(refusal);
      else active.refuse(refusal);
      return;
    }
    mutateRequestHeaders(head, info, config);
    if (!config.proxy100Continue && head.headers.first("expect")?.toLowerCase() === "100-continue") {
      head.headers.remove("expect");
      stream.writeInformational(new ResponseHead(100, new HeaderMap()));
    }
    active.start();
  }

  /** Checks what must hold of a request before it may pass the filters, and normalizes it; the answer where it fails. */
  #admit(head: RequestHead): LocalReply | undefined {
    const { config, normalize } = this.#shared;
    if (head.protocol === "HTTP/1.0") {
      if (!config.http1.acceptHttp10) return localReplies.lowVersion;
      if (head.hostMissing) head.authority = config.http1.defaultHost;
    }
    if (head.hostMissing && head.authority === "") return localReplies.missingHost;
    if (head.upgrade !== "connect" && !head.path.startsWith("/")) return localReplies.absolutePath;
    if (head.path.includes("#")) return localReplies.fragment;
    const { underscores, stripPort } = config.headers;
    if (underscores !== "allow" && !checkUnderscores(head.headers, underscores))
      return localReplies.underscore;
    if (stripPort !== "none") this.#stripPort(head);
    if (normalize === undefined) return undefined;
    const result = normalize(head.path);
    if (result.kind === "reject") return localReplies.badPath(result.details);
    if (result.kind === "redirect") return localReplies.pathRedirect(result.path);
    head.path = result.path;
    return undefined;
  }

  #stripPort(head: RequestHead): void {
    const match = /^(.*):(\d+)$/.exec(head.authority);
    const host = match?.[1];
    if (host === undefined || (host.includes(":") && !host.endsWith("]"))) return;
    if (
      this.#shared.config.headers.stripPort === "any" ||
      Number(match?.[2]) === this.#info.localAddress.port
    )
      head.authority = host;
  }
}

/** As Envoy: what the handshake agreed on counts, else the first bytes. */
function chooseProtocol({ codec }: HttpConnectionManagerConfig, info: ConnectionInfo): ServerProtocol {
  if (codec !== "auto") return codec;
  if (info.tls === undefined || info.applicationProtocol === undefined) return "detect";
  return info.applicationProtocol === "h2" ? "http2" : "http1";
}

/** False where the request is to be rejected; drops the headers where that is the setting. */
function checkUnderscores(headers: HeaderMap, action: "reject" | "drop"): boolean {
  for (let i = headers.list.length - 2; i >= 0; i -= 2) {
    if (headers.list[i]?.includes("_") !== true) continue;
    if (action === "reject") return false;
    headers.list.splice(i, 2);
  }
  return true;
}
