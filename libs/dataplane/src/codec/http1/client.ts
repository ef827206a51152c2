import type { Socket } from "node:net";
import type { HeaderMap } from "../../runtime/headers.ts";
import type { WriteOutcome } from "../../runtime/http-filter.ts";
import { type RequestHead, ResponseHead } from "../../runtime/request.ts";
import type {
  ClientConnection,
  ClientHandler,
  ClientStream,
  ResetReason,
  ResponseReceiver,
} from "../codec.ts";
import { CodecError } from "../error.ts";
import { type HeadOptions, parseFieldLines } from "./fields.ts";
import { responseLength } from "./framing.ts";
import { MessageParser, type ParserSink } from "./parser.ts";
import { takeConnection } from "./request-head.ts";
import { serializeHeaders } from "./serialize.ts";
import { parseStatusLine } from "./start-line.ts";
import { MessageWriter } from "./writer.ts";

/** Settings of an upstream connection. */
export interface Http1ClientOptions extends HeadOptions {
  readonly enableTrailers: boolean;
}

/**
 * Speaks HTTP/1.1 on a connected socket, one stream at a time. The caller feeds `receive`; bytes in a buffer that
 * is used again are fine.
 */
export function createHttp1Client(
  socket: Socket,
  options: Http1ClientOptions,
  handler: ClientHandler,
): ClientConnection {
  return new Http1ClientConnection(socket, options, handler);
}

const empty = Buffer.alloc(0);

class Http1ClientConnection implements ClientConnection, ParserSink {
  readonly socket: Socket;
  readonly writer: MessageWriter;
  readonly options: Http1ClientOptions;
  readonly #parser: MessageParser;
  readonly #handler: ClientHandler;
  #stream: Http1ClientStream | undefined;
  #reusable = true;
  #informational = false;
  #retained = false;
  #closed = false;

  constructor(socket: Socket, options: Http1ClientOptions, handler: ClientHandler) {
    this.socket = socket;
    this.options = options;
    this.#handler = handler;
    this.writer = new MessageWriter(socket);
    this.#parser = new MessageParser(this, options);
    socket.on("end", this.#ended);
    socket.on("drain", () => this.#stream?.receiver?.onWritable());
    socket.on("error", () => this.#lost({ kind: "remote-reset" }));
    socket.on("close", () => this.#lost({ kind: "remote-close" }));
  }

  get room(): number {
    return this.#stream === undefined && !this.#closed ? 1 : 0;
  }

  get active(): number {
    return this.#stream === undefined ? 0 : 1;
  }

  request(head: RequestHead, endStream: boolean, receiver: ResponseReceiver): ClientStream {
    const stream = new Http1ClientStream(this, head.method, head.upgrade !== "", receiver);
    this.#stream = stream;
    stream.start(head, endStream);
    return stream;
  }

  close(): void {
    this.#lost({ kind: "local-close" });
  }

  receive(bytes: Buffer): boolean {
    this.#retained = false;
    try {
      // A server that speaks unasked has lost count: what it says next would go to the wrong request.
      if (this.#stream === undefined) throw new CodecError("bad-head", "bytes without a request");
      this.#parser.execute(bytes);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#lost({ kind: "protocol-error", error });
    }
    return this.#retained || this.#parser.heldBytes > 0;
  }

  readonly #ended = () => {
    try {
      this.#parser.end();
    } catch {
      // The message is cut off: the receiver hears of the close just below.
    }
    this.#lost({ kind: "remote-close" });
  };

  #lost(reason: ResetReason): void {
    if (this.#closed) return;
    this.#closed = true;
    this.socket.destroy();
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.receiver?.onReset(reason);
    this.#handler.onClose();
  }

  // ParserSink

  onHead(text: string): number {
    const lineEnd = text.indexOf("\r\n");
    const { status, protocol } = parseStatusLine(text.slice(0, lineEnd));
    const headers = parseFieldLines(text, lineEnd + 2, this.options);
    const stream = this.#stream;
    if (stream === undefined) throw new CodecError("bad-head", "response without a request");
    const length = responseLength(stream.method, status, headers);
    const tokens = takeConnection(headers);
    const keeps =
      protocol === "HTTP/1.1" ? !tokens?.includes("close") : (tokens?.includes("keep-alive") ?? false);
    if (!keeps || length < -1) this.#reusable = false;
    const head = new ResponseHead(status, headers);
    const tunnel = stream.upgrading && (status === 101 || (stream.method === "CONNECT" && status < 300));
    this.#informational = status < 200 && status !== 101;
    if (this.#informational) {
      stream.receiver?.onInformational(head);
      return 0;
    }
    if (status === 101 && !tunnel) throw new CodecError("bad-head", "101 that was not asked for");
    if (tunnel) {
      this.#reusable = false;
      stream.tunnel();
      stream.receiver?.onHead(head, false);
      this.#parser.tunnel();
      return 0;
    }
    headers.remove("upgrade");
    const { receiver } = stream;
    // The connection is free before the receiver hears the end: what it does then may need a connection.
    if (length === 0) this.#responseEnd(stream);
    receiver?.onHead(head, length === 0);
    return length;
  }

  onData(chunk: Buffer, last: boolean): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    const { receiver } = stream;
    if (last) this.#responseEnd(stream);
    if (receiver?.onData(chunk, last) !== "written") this.#retained = true;
  }

  onTrailers(trailers: HeaderMap): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    const { receiver } = stream;
    this.#responseEnd(stream);
    if (trailers.size > 0 && this.options.enableTrailers) receiver?.onTrailers(trailers);
    else receiver?.onData(empty, true);
  }

  onMessageEnd(): void {
    if (!this.#informational) return;
    this.#informational = false;
    this.#parser.next();
  }

  #responseEnd(stream: Http1ClientStream): void {
    stream.responseDone = true;
    this.settle(stream);
  }

  // For the stream

  /** Makes the connection free for the next request, or closes it where it cannot be. */
  settle(stream: Http1ClientStream): void {
    if (stream !== this.#stream || !stream.responseDone) return;
    // A response that came before its request was sent leaves the rest of that to be sent; bytes after a response
    // would be taken for the answer to the next request.
    if (!stream.requestDone || !this.#reusable || this.#parser.heldBytes > 0) {
      this.#stream = undefined;
      this.close();
      return;
    }
    this.#stream = undefined;
    if (stream.held) this.socket.resume();
    this.#parser.next();
    this.#handler.onReusable();
  }
}

class Http1ClientStream implements ClientStream {
  readonly method: string;
  receiver: ResponseReceiver | undefined;
  upgrading: boolean;
  requestDone = false;
  responseDone = false;
  held = false;
  readonly #connection: Http1ClientConnection;
  #chunked = false;

  constructor(
    connection: Http1ClientConnection,
    method: string,
    upgrading: boolean,
    receiver: ResponseReceiver,
  ) {
    this.#connection = connection;
    this.method = method;
    this.upgrading = upgrading;
    this.receiver = receiver;
  }

  start(head: RequestHead, endStream: boolean): void {
    const target = head.upgrade === "connect" ? head.authority : head.path;
    const fields = serializeHeaders(head.headers);
    const text = `${head.method} ${target} HTTP/1.1\r\nhost: ${head.authority}\r\n${fields}${this.#framing(head, endStream)}\r\n`;
    const last = endStream || this.upgrading;
    this.requestDone = endStream;
    this.#connection.writer.text(text, last);
  }

  /** Header lines that say how the body is sent. */
  #framing(head: RequestHead, endStream: boolean): string {
    if (this.upgrading) return head.upgrade === "connect" ? "" : "connection: upgrade\r\n";
    if (head.headers.has("content-length")) return "";
    if (endStream) return methodsWithBody.has(head.method) ? "content-length: 0\r\n" : "";
    this.#chunked = true;
    return "transfer-encoding: chunked\r\n";
  }

  /** From here on bytes go both ways as they are. */
  tunnel(): void {
    this.#chunked = false;
  }

  writeData(chunk: Buffer, endStream: boolean): WriteOutcome {
    if (this.requestDone || this.receiver === undefined) return "written";
    const { writer } = this.#connection;
    const outcome = this.#chunked ? writer.chunk(chunk, endStream) : writer.data(chunk, endStream);
    if (endStream) this.#requestEnd();
    return outcome;
  }

  writeTrailers(trailers: HeaderMap): void {
    if (this.requestDone || this.receiver === undefined) return;
    const { writer, options } = this.#connection;
    if (this.#chunked)
      writer.text(`0\r\n${options.enableTrailers ? serializeHeaders(trailers) : ""}\r\n`, true);
    else writer.flush();
    this.#requestEnd();
  }

  #requestEnd(): void {
    this.requestDone = true;
    this.#connection.writer.flush();
    // Bytes that go as they are have no other end.
    if (this.method === "CONNECT") this.#connection.socket.end();
    this.#connection.settle(this);
  }

  reset(): void {
    if (this.receiver === undefined || (this.responseDone && this.requestDone)) return;
    this.receiver = undefined;
    this.#connection.close();
  }

  hold(hold: boolean): void {
    if (this.held === hold || this.responseDone) return;
    this.held = hold;
    if (hold) this.#connection.socket.pause();
    else this.#connection.socket.resume();
  }
}

/** Methods for which a server expects to be told that there is no body. https://www.rfc-editor.org/rfc/rfc9110#section-8.6-5 */
const methodsWithBody: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);
