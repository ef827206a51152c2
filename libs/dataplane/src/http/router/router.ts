import type { ClusterSet } from "../../runtime/cluster.ts";
import { HeaderMap } from "../../runtime/headers.ts";
import type { TerminalHttpFilter, TerminalStream, TerminalStreamFilter } from "../../runtime/http-filter.ts";
import { type RequestHead, ResponseHead } from "../../runtime/request.ts";
import type { DirectResponseAction, RedirectAction, Route } from "../../runtime/route.ts";
import type { Counter, StatsScope } from "../../runtime/stats.ts";
import type { UpstreamPools } from "../../upstream/pools.ts";
import { mutateHeaders } from "../header-mutation.ts";
import { localReplies } from "../local-reply.ts";
import type { TimerWheel } from "../timer-wheel.ts";
import { UpstreamRequest } from "./upstream-request.ts";

/** Settings of the router. */
export interface RouterOptions {
  /** The name in the configuration. */
  readonly name: string;
  readonly clusters: ClusterSet;
  readonly pools: UpstreamPools;
  readonly wheel: TimerWheel;
  /** The connection manager's scope. */
  readonly stats: StatsScope;
  /** Adds no `x-envoy-*` headers. */
  readonly suppressEnvoyHeaders: boolean;
  /** Body bytes kept for retries and mirrors, and while connecting; a larger body is sent once only. 1 MiB in Envoy. */
  readonly bufferLimit: number;
}

/** What all streams of a router share. */
export interface RouterContext extends RouterOptions {
  readonly counters: RouterCounters;
}

/** https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#statistics */
export interface RouterCounters {
  readonly total: Counter;
  readonly noRoute: Counter;
  readonly noCluster: Counter;
  readonly redirect: Counter;
  readonly directResponse: Counter;
  readonly resetAfterResponse: Counter;
}

/** The last HTTP filter: does what the route says. */
export function createRouter(options: RouterOptions): TerminalHttpFilter {
  const { stats } = options;
  const context: RouterContext = {
    ...options,
    counters: {
      total: stats.counter("rq_total"),
      noRoute: stats.counter("no_route"),
      noCluster: stats.counter("no_cluster"),
      redirect: stats.counter("rq_redirect"),
      directResponse: stats.counter("rq_direct_response"),
      resetAfterResponse: stats.counter("rq_reset_after_downstream_response_started"),
    },
  };
  return { name: options.name, open: (stream) => new RouterStream(context, stream) };
}

class RouterStream implements TerminalStreamFilter {
  readonly #context: RouterContext;
  readonly #stream: TerminalStream;
  #upstream: UpstreamRequest | undefined;

  constructor(context: RouterContext, stream: TerminalStream) {
    this.#context = context;
    this.#stream = stream;
  }

  onRequest(head: RequestHead, endStream: boolean): void {
    const { counters } = this.#context;
    const { route } = this.#stream;
    counters.total.inc();
    if (route === undefined) {
      counters.noRoute.inc();
      this.#stream.reply(localReplies.noRoute);
      return;
    }
    const { action } = route;
    switch (action.kind) {
      case "direct-response":
        counters.directResponse.inc();
        this.#respondDirectly(route, action);
        return;
      case "redirect":
        counters.redirect.inc();
        this.#redirect(route, action, head);
        return;
      case "forward":
        this.#upstream = UpstreamRequest.start(this.#context, this.#stream, route, action, endStream);
    }
  }

  #respondDirectly(route: Route, action: DirectResponseAction): void {
    const body = Buffer.from(action.body);
    const head = new ResponseHead(action.status, new HeaderMap());
    if (body.length > 0)
      head.headers.list.push("content-length", String(body.length), "content-type", "text/plain");
    this.#complete(route, head);
    this.#stream.respond(head, body.length === 0);
    if (body.length > 0) this.#stream.respondData(body, true);
  }

  #redirect(route: Route, action: RedirectAction, request: RequestHead): void {
    const head = new ResponseHead(action.status, new HeaderMap(["location", action.location(request)]));
    this.#complete(route, head);
    this.#stream.respond(head, true);
  }

  #complete(route: Route, head: ResponseHead): void {
    const { info } = this.#stream;
    info.details = "direct_response";
    info.response = head;
    info.responseCode = head.status;
    mutateHeaders(head.headers, route.responseHeaders, info);
  }

  onRequestData(chunk: Buffer, endStream: boolean): void {
    this.#upstream?.sendData(chunk, endStream);
  }

  onRequestTrailers(trailers: HeaderMap): void {
    this.#upstream?.sendTrailers(trailers);
  }

  onWritable(): void {
    this.#upstream?.resumeResponse();
  }

  onEnd(): void {
    this.#upstream?.end();
  }
}
