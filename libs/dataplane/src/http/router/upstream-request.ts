import type { ClientStream } from "../../codec/codec.ts";
import type { Cluster, Host, TryOutcome } from "../../runtime/cluster.ts";
import type { HeaderMap } from "../../runtime/headers.ts";
import type { LocalReply, TerminalStream, WriteOutcome } from "../../runtime/http-filter.ts";
import type { ResponseHead } from "../../runtime/request.ts";
import type { ClusterChoice, ForwardAction, MirrorPolicy, Route } from "../../runtime/route.ts";
import type { PooledConnection } from "../../upstream/connection.ts";
import type { ClusterPools } from "../../upstream/pools.ts";
import { localReplies, upstreamResetFlags } from "../local-reply.ts";
import { mirrorRequest } from "./mirror.ts";
import { prepareRequest } from "./prepare-request.ts";
import { prepareResponse } from "./prepare-response.ts";
import { RequestBody } from "./request-body.ts";
import { RequestTimers, type TimedRequest } from "./request-timers.ts";
import { Retries } from "./retries.ts";
import { createRetryState, type RetryState, wantsRetryAfterReset, wantsRetryAfterResponse } from "./retry.ts";
import type { RouterContext } from "./router.ts";
import { requestTimeouts } from "./timeouts.ts";
import { type JudgedFailure, judgeFailure, overflow } from "./try-failure.ts";
import { upstreamProtocol } from "./upstream-protocol.ts";
import { type TryFailure, type TryOwner, UpstreamTry } from "./upstream-try.ts";

/** A forwarded request: tries, one after the other, until one gives the response, or none is left. */
export class UpstreamRequest implements TryOwner, TimedRequest {
  readonly #context: RouterContext;
  readonly #stream: TerminalStream;
  readonly #route: Route;
  readonly #action: ForwardAction;
  readonly #choice: ClusterChoice;
  readonly #cluster: Cluster;
  readonly #pools: ClusterPools;
  readonly #retry: RetryState | undefined;
  readonly #body: RequestBody;
  readonly #mirrors: readonly MirrorPolicy[];
  readonly #routeMs: number;
  #attempt: UpstreamTry | undefined;
  readonly #retries: Retries;
  /** Made once: a policy may make a cookie of it. */
  #hash: bigint | undefined;
  #sent = 0;
  #responding = false;
  #over = false;
  readonly #timers: RequestTimers;

  /** Chooses the cluster and starts the first try; undefined where the request was answered without. */
  static start(
    context: RouterContext,
    stream: TerminalStream,
    route: Route,
    action: ForwardAction,
    endStream: boolean,
  ): UpstreamRequest | undefined {
    const { info, request } = stream;
    const choice = info.clusterChoice ?? action.pick(stream.random(), request);
    info.clusterChoice = choice;
    info.upstreamCluster = choice.cluster;
    const cluster = context.clusters.get(choice.cluster);
    if (cluster === undefined) {
      context.counters.noCluster.inc();
      stream.reply(localReplies.noCluster(action.clusterNotFoundStatus));
      return undefined;
    }
    info.upstreamClusterMetadata = cluster.metadata;
    const upstream = new UpstreamRequest({ context, stream, route, action, choice, cluster, endStream });
    upstream.#start();
    return upstream;
  }

  private constructor(options: {
    readonly context: RouterContext;
    readonly stream: TerminalStream;
    readonly route: Route;
    readonly action: ForwardAction;
    readonly choice: ClusterChoice;
    readonly cluster: Cluster;
    readonly endStream: boolean;
  }) {
    const { context, stream, route, action, choice, cluster, endStream } = options;
    this.#context = context;
    this.#stream = stream;
    this.#route = route;
    this.#action = action;
    this.#choice = choice;
    this.#cluster = cluster;
    this.#pools = context.pools.of(cluster);
    const { request } = stream;
    const timeouts = requestTimeouts(request, action);
    this.#routeMs = timeouts.routeMs;
    this.#retry = createRetryState(request, action.retry);
    const perTryIdleMs = this.#retry?.policy.perTryIdleTimeoutMs ?? 0;
    this.#timers = new RequestTimers(context.wheel, { ...timeouts, perTryIdleMs }, this);
    this.#retries = new Retries(stream, cluster, this.#pools.traffic);
    this.#mirrors =
      action.mirrors === undefined || action.mirrors.length === 0
        ? noMirrors
        : action.mirrors.filter(({ sample }) => sample(stream.random()));
    const keep = this.#retry !== undefined || this.#mirrors.length > 0;
    this.#body = new RequestBody(endStream, keep, context.bufferLimit);
    prepareRequest(request, {
      route,
      action,
      choice,
      info: stream.info,
      timeoutMs: timeouts.perTryMs > 0 ? timeouts.perTryMs : timeouts.routeMs,
      suppressEnvoyHeaders: context.suppressEnvoyHeaders,
    });
  }

  #start(): void {
    this.#tryNext();
    if (this.#body.complete) this.#requestComplete();
  }

  // The request's body

  sendData(chunk: Buffer, endStream: boolean): void {
    if (this.#over) return;
    const stream = this.#attempt?.stream;
    const writable = this.#body.add(chunk, endStream, stream);
    if (!writable || (stream === undefined && this.#body.full)) this.#stream.holdRequest(true);
    if (endStream) this.#requestComplete();
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.#over) return;
    this.#body.addTrailers(trailers, this.#attempt?.stream);
    this.#requestComplete();
  }

  #requestComplete(): void {
    if (!this.#over) this.#timers.requestComplete();
    if (this.#mirrors.length === 0 || !(this.#body.repeatable || this.#body.absent)) return;
    const { request } = this.#stream;
    for (const mirror of this.#mirrors)
      mirrorRequest(this.#context, mirror, { head: request, body: this.#body, timeoutMs: this.#routeMs });
  }

  // Tries

  #tryNext(): void {
    const { info, request } = this.#stream;
    info.attempts++;
    if (this.#route.includeAttemptCount) request.headers.set("x-envoy-attempt-count", String(info.attempts));
    const host = this.#pickHost();
    if (host === undefined) {
      this.#pools.traffic.noneHealthy.inc();
      this.#fail(localReplies.noHost);
      return;
    }
    info.upstreamHost = host;
    if (this.#action.autoHostRewrite === true && host.hostname !== "") request.authority = host.hostname;
    const permit = this.#cluster.acquire("request");
    if (permit === undefined) {
      this.#failed(overflow);
      return;
    }
    this.#pools.traffic.requests.inc();
    this.#pools.traffic.activeRequests.inc();
    const attempt = new UpstreamTry(
      this,
      this.#pools.pool(
        host,
        upstreamProtocol(this.#cluster, info.protocol, info.upstreamApplicationProtocols, info.connection),
      ),
      host,
      permit,
    );
    this.#attempt = attempt;
    attempt.start();
  }

  #pickHost(): Host | undefined {
    const { info, request } = this.#stream;
    this.#hash ??= this.#action.hash?.(request, info);
    const hash = this.#hash;
    const { originalDestination } = info.connection;
    const { subset } = this.#choice;
    const { dynamicHost } = info;
    const usual = hash === undefined && originalDestination === undefined && subset === undefined;
    if (usual && dynamicHost === undefined && this.#retries.count === 0) return this.#cluster.pick(noContext);
    return this.#cluster.pick({
      ...(hash !== undefined && { hash }),
      ...(originalDestination !== undefined && { originalDestination }),
      ...(subset !== undefined && { subset }),
      ...(dynamicHost !== undefined && { dynamicHost }),
      ...(this.#retries.count > 0 && this.#retries.wishes),
    });
  }

  sendRequest(attempt: UpstreamTry, connection: PooledConnection): ClientStream {
    const { info, request, clock } = this.#stream;
    this.#sent = clock.monotonic();
    info.upstreamFirstByteSent = this.#sent;
    info.upstreamLocalAddress = connection.localAddress;
    info.upstreamIdentity = connection.identity;
    info.upstreamProtocol = connection.protocol === "http2" ? "HTTP/2" : "HTTP/1.1";
    this.#timers.tryStarted();
    const stream = connection.request(request, this.#body.absent, attempt);
    if (this.#body.absent) return stream;
    this.#stream.holdRequest(!this.#body.sendTo(stream));
    return stream;
  }

  /** Ends the present try, whatever came of it. */
  #tryOver(): void {
    if (this.#attempt === undefined) return;
    this.#attempt = undefined;
    this.#pools.traffic.activeRequests.dec();
    this.#timers.tryOver();
  }

  onTryWritable(): void {
    if (!this.#over) this.#stream.holdRequest(false);
  }

  onTryInformational(head: ResponseHead): void {
    this.#stream.respondInformational(head);
  }

  onTryHead(attempt: UpstreamTry, head: ResponseHead, endStream: boolean): void {
    const { info, clock } = this.#stream;
    const now = clock.monotonic();
    info.upstreamFirstByteReceived = now;
    this.#timers.touchTry();
    this.#report({ kind: "response", status: head.status }, attempt.host);
    const retry = this.#retry;
    if (retry !== undefined && wantsRetryAfterResponse(retry.policy, head)) {
      if (this.#retryLater(retry, attempt.host, head.headers)) {
        attempt.abandon();
        return;
      }
    } else if (this.#retries.count > 0) this.#pools.traffic.retrySuccesses.inc();
    this.#deliver(head, endStream, now);
  }

  #deliver(head: ResponseHead, endStream: boolean, now: number): void {
    const { info, request } = this.#stream;
    const { traffic } = this.#pools;
    this.#responding = true;
    this.#body.forget(true);
    this.#timers.responding(request.upgrade !== "");
    traffic.countStatus(head.status);
    prepareResponse(head, {
      route: this.#route,
      choice: this.#choice,
      info,
      serviceMs: now - this.#sent,
      suppressEnvoyHeaders: this.#context.suppressEnvoyHeaders,
    });
    if (endStream) this.#complete();
    this.#stream.respond(head, endStream);
  }

  onTryData(attempt: UpstreamTry, chunk: Buffer, endStream: boolean): WriteOutcome {
    if (endStream) this.#complete();
    const outcome = this.#stream.respondData(chunk, endStream);
    if (outcome === "full" && !endStream) attempt.stream?.hold(true);
    return outcome;
  }

  onTryTrailers(_attempt: UpstreamTry, trailers: HeaderMap): void {
    this.#complete();
    this.#stream.respondTrailers(trailers);
  }

  /** The client takes more. */
  resumeResponse(): void {
    this.#attempt?.stream?.hold(false);
  }

  /** The upstream has said all. */
  #complete(): void {
    const { info, clock } = this.#stream;
    info.upstreamLastByteReceived = clock.monotonic();
    this.#pools.traffic.duration.record(info.upstreamLastByteReceived - info.started);
    this.#tryOver();
  }

  // Failures

  onTryFailed(attempt: UpstreamTry, failure: TryFailure): void {
    const { info, request } = this.#stream;
    const { traffic } = this.#pools;
    const judged = judgeFailure(failure, request.method);
    if (failure.kind === "stream") traffic.resetsReceived.inc();
    if (judged.reason === "protocol error") traffic.protocolErrors.inc();
    if (judged.outcome !== undefined) this.#report(judged.outcome, attempt.host);
    info.upstreamTransportFailure = judged.transportFailure;
    if (!this.#responding) {
      this.#failed(judged);
      return;
    }
    this.#context.counters.resetAfterResponse.inc();
    this.#tryOver();
    this.#stream.abortResponse(
      upstreamResetFlags[judged.reason],
      `upstream_reset_after_response_started{${judged.reason.replaceAll(" ", "_")}}`,
    );
  }

  /** A try came to nothing: another one, or an answer that says so. */
  #failed({ reset, reason, transportFailure, connectError }: JudgedFailure): void {
    const retry = this.#retry;
    const host = this.#attempt?.host;
    if (retry !== undefined && wantsRetryAfterReset(retry.policy, reset) && this.#retryLater(retry, host))
      return;
    this.#tryOver();
    const reply = localReplies.upstreamReset({
      reason,
      retried: this.#retries.count > 0,
      transportFailure,
      connectError,
    });
    this.#fail(reason === "overflow" ? { ...reply, headers: ["x-envoy-overloaded", "true"] } : reply);
  }

  /** Schedules another try (`answer`: of the response that asks for it); false where none is left, or none is possible. */
  #retryLater(retry: RetryState, host: Host | undefined, answer?: HeaderMap): boolean {
    if (!this.#retries.left(retry)) return false;
    if (!this.#body.repeatable && !this.#body.absent) return false;
    if (!this.#retries.schedule({ retry, host, answer, onDue: () => this.#tryNext() })) return false;
    this.#tryOver();
    return true;
  }

  onTryFault(error: unknown): void {
    this.#stream.fail(error);
  }

  onRouteTimeout(): void {
    if (this.#over) return;
    this.#pools.traffic.timeouts.inc();
    if (this.#attempt !== undefined) this.#report({ kind: "timeout" }, this.#attempt.host);
    this.#dropTry();
    if (this.#responding) this.#stream.abortResponse("UT", "response_timeout");
    else this.#fail(localReplies.upstreamTimeout);
  }

  onPerTryTimeout(): void {
    this.#pools.traffic.perTryTimeouts.inc();
    this.#tryTimedOut(localReplies.perTryTimeout);
  }

  onPerTryIdleTimeout(): void {
    this.#pools.traffic.perTryIdleTimeouts.inc();
    if (!this.#responding) {
      this.#tryTimedOut(localReplies.perTryIdleTimeout);
      return;
    }
    this.#dropTry();
    this.#stream.abortResponse("UT", "upstream_per_try_idle_timeout");
  }

  #tryTimedOut(reply: LocalReply): void {
    const attempt = this.#attempt;
    if (this.#over || attempt === undefined) return;
    this.#report({ kind: "timeout" }, attempt.host);
    attempt.abandon();
    const retry = this.#retry;
    if (
      retry !== undefined &&
      wantsRetryAfterReset(retry.policy, { kind: "timeout", beforeRequest: false }) &&
      this.#retryLater(retry, attempt.host)
    )
      return;
    this.#tryOver();
    this.#fail(reply);
  }

  #fail(reply: Parameters<TerminalStream["reply"]>[0]): void {
    this.#pools.traffic.countStatus(reply.status);
    this.#stream.reply(reply);
  }

  #report(outcome: TryOutcome, host: Host): void {
    this.#cluster.report(host, outcome);
  }

  #dropTry(): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#pools.traffic.resetsSent.inc();
    this.#tryOver();
    attempt.abandon();
  }

  /** The stream is over; what is under way is broken off. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#retries.cancel();
    this.#timers.stop();
    this.#dropTry();
  }
}

const noContext = {};
const noMirrors: readonly MirrorPolicy[] = [];
