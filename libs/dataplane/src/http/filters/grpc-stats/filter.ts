import type { HeaderMap } from "../../../runtime/headers.ts";
import type { HttpFilter, HttpStream, HttpStreamFilter } from "../../../runtime/http-filter.ts";
import type { StatsScope } from "../../../runtime/stats.ts";
import { isGrpc } from "../../local-reply.ts";

/** What is counted. */
export interface GrpcStatsConfig {
  /** True where a method (`/pkg.Service/Method`) has counters of its own. */
  readonly perMethod: (path: string) => boolean;
  /** Records the time from request to response head in `upstream_rq_time`. */
  readonly upstreamTime: boolean;
  /** Notes the counts in the stream's metadata, for access logs. */
  readonly emit: boolean;
}

/** Counts gRPC calls and messages by cluster. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_stats_filter */
export function createGrpcStatsFilter(
  name: string,
  config: GrpcStatsConfig,
  process: StatsScope,
): HttpFilter {
  return {
    name,
    open: (stream) =>
      isGrpc(stream.request) ? new GrpcStatsStream(name, stream, config, process) : undefined,
  };
}

class GrpcStatsStream implements HttpStreamFilter {
  readonly #name: string;
  readonly #stream: HttpStream;
  readonly #config: GrpcStatsConfig;
  readonly #process: StatsScope;
  readonly #requests = new MessageCounter();
  readonly #responses = new MessageCounter();
  #status: string | undefined;

  constructor(name: string, stream: HttpStream, config: GrpcStatsConfig, process: StatsScope) {
    this.#name = name;
    this.#stream = stream;
    this.#config = config;
    this.#process = process;
  }

  onRequestData(chunk: Buffer): Buffer {
    this.#requests.add(chunk);
    return chunk;
  }

  onResponse({ headers }: { readonly headers: HeaderMap }): "continue" {
    this.#status = headers.first("grpc-status");
    return "continue";
  }

  onResponseData(chunk: Buffer): Buffer {
    this.#responses.add(chunk);
    return chunk;
  }

  onResponseTrailers(trailers: HeaderMap): undefined {
    this.#status = trailers.first("grpc-status") ?? this.#status;
  }

  onEnd(): void {
    const { info } = this.#stream;
    if (this.#config.emit) {
      info.metadata.set(this.#name, {
        request_message_count: this.#requests.count,
        response_message_count: this.#responses.count,
      });
    }
    if (info.upstreamCluster === undefined) return;
    const scope = this.#process.scope(
      `cluster.${info.upstreamCluster}.grpc${this.#method(info.originalPath)}`,
    );
    scope.counter("request_message_count").inc(this.#requests.count);
    scope.counter("response_message_count").inc(this.#responses.count);
    if (this.#config.upstreamTime && info.upstreamFirstByteReceived > 0)
      scope.histogram("upstream_rq_time").record(info.upstreamFirstByteReceived - info.upstreamFirstByteSent);
    if (this.#status === undefined) return;
    scope.counter(this.#status === "0" ? "success" : "failure").inc();
    scope.counter("total").inc();
    // What stands in a header becomes a name only where it is one of the few that gRPC knows.
    if (/^(?:\d|1[0-6])$/.test(this.#status)) scope.counter(this.#status).inc();
  }

  #method(path: string): string {
    const [, service, method] = path.split("?", 1)[0]?.split("/") ?? [];
    return service !== undefined && method !== undefined && this.#config.perMethod(`/${service}/${method}`)
      ? `.${service}.${method}`
      : "";
  }
}

/** Counts length-prefixed messages. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests */
class MessageCounter {
  count = 0;
  /** Prefix bytes read of the next message, 0 to 5. */
  #prefix = 0;
  #length = 0;

  add(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#prefix < 5) {
        const byte = chunk[at++] as number; // within the chunk
        if (this.#prefix > 0) this.#length = this.#length * 256 + byte;
        if (++this.#prefix < 5) continue;
        this.count++;
      }
      const part = Math.min(this.#length, chunk.length - at);
      this.#length -= part;
      at += part;
      if (this.#length === 0) this.#prefix = 0;
    }
  }
}
