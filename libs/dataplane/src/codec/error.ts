/** What a peer did wrong; `status` is what a client is told, `details` what the access log says. */
const kinds = {
  "bad-head": { status: 400, details: "http1.codec_error" },
  "invalid-characters": { status: 400, details: "http1.invalid_characters" },
  "bad-connection-header": { status: 400, details: "http1.connection_header_rejected" },
  "invalid-url": { status: 400, details: "http1.invalid_url" },
  "invalid-length": { status: 400, details: "http1.codec_error" },
  "length-and-chunked": { status: 400, details: "http1.content_length_and_chunked_not_allowed" },
  "invalid-transfer-encoding": { status: 501, details: "http1.invalid_transfer_encoding" },
  "bad-chunk": { status: 400, details: "http1.codec_error" },
  "head-too-large": { status: 431, details: "http1.headers_too_large" },
  "too-many-headers": { status: 431, details: "http1.too_many_headers" },
  "head-timeout": { status: 408, details: "request_header_timeout" },
  "trailers-too-large": { status: 431, details: "http1.trailers_too_large" },
  "unexpected-end": { status: 400, details: "http1.codec_error" },
  "http2-error": { status: 400, details: "http2.violation.of.messaging.rule" },
} as const;

/** Stable name of a protocol error. */
export type CodecErrorCode = keyof typeof kinds;

/** The one error of the codecs: the bytes of the other side break the protocol, and the connection is of no more use. */
export class CodecError extends Error {
  readonly code: CodecErrorCode;

  constructor(code: CodecErrorCode, message: string) {
    super(message);
    this.name = "CodecError";
    this.code = code;
  }

  /** HTTP status to answer a request with. */
  get status(): number {
    return kinds[this.code].status;
  }

  /** Envoy's response code details. */
  get details(): string {
    return kinds[this.code].details;
  }
}
