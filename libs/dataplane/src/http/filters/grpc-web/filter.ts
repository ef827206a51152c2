import type { HeaderMap } from "../../../runtime/headers.ts";
import type { FilterStatus, HttpFilter, HttpStream, HttpStreamFilter } from "../../../runtime/http-filter.ts";
import type { RequestHead, ResponseHead } from "../../../runtime/request.ts";

const binaryTypes: ReadonlySet<string> = new Set(["application/grpc-web", "application/grpc-web+proto"]);
const textTypes: ReadonlySet<string> = new Set([
  "application/grpc-web-text",
  "application/grpc-web-text+proto",
]);

/**
 * Translates gRPC-Web, which browsers speak over any HTTP, to gRPC: texts are decoded, trailers go into the body.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_web_filter
 */
export function createGrpcWebFilter(name: string): HttpFilter {
  return {
    name,
    open(stream) {
      const type = stream.request.headers.first("content-type") ?? "";
      return binaryTypes.has(type) || textTypes.has(type)
        ? new GrpcWebStream(stream, textTypes.has(type))
        : undefined;
    },
  };
}

const notBase64 = /[^A-Za-z0-9+/=]/;

class GrpcWebStream implements HttpStreamFilter {
  readonly #stream: HttpStream;
  readonly #textRequest: boolean;
  readonly #textResponse: boolean;
  /** Up to three characters that wait for the rest of their group. */
  #undecoded = "";
  #refused = false;

  constructor(stream: HttpStream, textRequest: boolean) {
    this.#stream = stream;
    this.#textRequest = textRequest;
    this.#textResponse = textTypes.has(stream.request.headers.first("accept") ?? "");
  }

  onRequest({ headers }: RequestHead): FilterStatus {
    // Texts change their length.
    headers.remove("content-length");
    headers.set("content-type", "application/grpc");
    headers.set("te", "trailers");
    headers.set("grpc-accept-encoding", "identity,deflate,gzip");
    return "continue";
  }

  onRequestData(chunk: Buffer, endStream: boolean): Buffer | undefined {
    if (!this.#textRequest) return chunk;
    if (this.#refused) return undefined;
    const text = this.#undecoded + chunk.toString("latin1");
    const whole = text.length - (text.length % 4);
    this.#undecoded = text.slice(whole);
    if (notBase64.test(text) || (endStream && this.#undecoded !== "")) {
      this.#refused = true;
      this.#stream.reply({
        status: 400,
        body: "Bad gRPC-web request, invalid base64 data.",
        details: "grpc_base_64_decode_failed",
      });
      return undefined;
    }
    return decodeGroups(text.slice(0, whole));
  }

  onResponse({ headers }: ResponseHead): FilterStatus {
    headers.set(
      "content-type",
      this.#textResponse ? "application/grpc-web-text+proto" : "application/grpc-web+proto",
    );
    headers.remove("content-length");
    return "continue";
  }

  onResponseData(chunk: Buffer): Buffer {
    return this.#encode(chunk);
  }

  /** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md: trailers are a last frame, marked by its first bit. */
  onResponseTrailers(trailers: HeaderMap): Buffer {
    const lines = Buffer.from(
      [...trailers].map(([name, value]) => `${name}:${value}\r\n`).join(""),
      "latin1",
    );
    const prefix = Buffer.alloc(5);
    prefix[0] = 0x80;
    prefix.writeUInt32BE(lines.length, 1);
    trailers.list.length = 0;
    return this.#encode(Buffer.concat([prefix, lines]));
  }

  #encode(chunk: Buffer): Buffer {
    return this.#textResponse && chunk.length > 0 ? Buffer.from(chunk.toString("base64"), "latin1") : chunk;
  }
}

/** Texts are joined from several, each with its own padding. */
function decodeGroups(text: string): Buffer {
  const parts = text.match(/[^=]+={0,2}/g) ?? [];
  return Buffer.concat(parts.map((part) => Buffer.from(part, "base64")));
}
