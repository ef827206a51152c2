import type { FilterStatus, HttpFilter, HttpStream, HttpStreamFilter } from "../../../runtime/http-filter.ts";
import type { RequestHead } from "../../../runtime/request.ts";

/** How long a request's body may be; undefined: bodies are not waited for. */
export interface BufferConfig {
  readonly maxBytes: number | undefined;
}

/**
 * Passes requests on once they are there as a whole, so that upstreams never wait for slow clients.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/buffer_filter
 */
export function createBufferFilter(name: string, config: BufferConfig): HttpFilter {
  return {
    name,
    open: (stream) => {
      const { maxBytes } = (stream.filterConfig(name) as BufferConfig | undefined) ?? config; // made by our compileRoute
      return maxBytes === undefined ? undefined : new BufferingStream(stream, maxBytes);
    },
  };
}

class BufferingStream implements HttpStreamFilter {
  readonly #stream: HttpStream;
  readonly #maxBytes: number;

  constructor(stream: HttpStream, maxBytes: number) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
  }

  onRequest(head: RequestHead, endStream: boolean): FilterStatus {
    return endStream || head.upgrade !== "" ? "continue" : "buffer";
  }

  onRequestBuffered(chunks: readonly Buffer[], complete: boolean): "buffer" | "stop" {
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    if (bytes > this.#maxBytes) {
      this.#stream.reply({
        status: 413,
        body: "Payload Too Large",
        details: "request_payload_too_large",
      });
      return "stop";
    }
    if (!complete) return "buffer";
    const { headers } = this.#stream.request;
    // Now that its length is known the upstream is told.
    if (!headers.has("content-length")) headers.set("content-length", String(bytes));
    headers.remove("transfer-encoding");
    this.#stream.continueRequest();
    return "stop";
  }
}
