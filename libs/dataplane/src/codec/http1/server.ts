import type { Socket } from "node:net";
import type { Clock } from "@weft/base";
import type { HeaderMap } from "../../runtime/headers.ts";
import type { WriteOutcome } from "../../runtime/http-filter.ts";
import type { HttpProtocol, ResponseHead } from "../../runtime/request.ts";
import type { MessageReceiver, ServerConnection, ServerHandler, ServerStream } from "../codec.ts";
import { CodecError } from "../error.ts";
import { hasNoBody } from "./framing.ts";
import { MessageParser, type ParserSink } from "./parser.ts";
import { parseRequestHead, type RequestHeadOptions } from "./request-head.ts";
import { serializeHeaders, statusLine } from "./serialize.ts";
import { MessageWriter } from "./writer.ts";

/** Settings of a downstream connection. */
export interface Http1ServerOptions extends RequestHeadOptions {
  readonly enableTrailers: boolean;
  /** How long a closed connection still reads, so that the client gets to see the last response. */
  readonly delayedCloseMs: number;
  readonly clock: Clock;
}

/** Serves HTTP/1.1 on a socket; `head` is what has been read of it. Requests are taken one after the other. */
export function createHttp1Server(
  socket: Socket,
  head: Buffer,
  options: Http1ServerOptions,
  handler: ServerHandler,
): ServerConnection {
  const connection = new Http1ServerConnection(socket, options, handler);
  connection.start(head);
  return connection;
}

const empty = Buffer.alloc(0);

class Http1ServerConnection implements ServerConnection, ParserSink {
  readonly socket: Socket;
  readonly options: Http1ServerOptions;
  readonly writer: MessageWriter;
  readonly parser: MessageParser;
  readonly #handler: ServerHandler;
  #stream: Http1ServerStream | undefined;
  #paused = false;
  #draining = false;
  #closing = false;
  #closed = false;

  constructor(socket: Socket, options: Http1ServerOptions, handler: ServerHandler) {
    this.socket = socket;
    this.options = options;
    this.#handler = handler;
    this.writer = new MessageWriter(socket);
    this.parser = new MessageParser(this, options);
  }

  start(head: Buffer): void {
    const { socket } = this;
    socket.on("data", this.#receive);
    socket.on("end", this.#ended);
    socket.on("drain", () => this.#stream?.receiver?.onWritable());
    socket.on("error", () => socket.destroy()); // `close` follows, and tells
    socket.on("close", this.#socketClosed);
    // Gone between accept and here: `close` has been, and nobody listened.
    if (socket.destroyed) queueMicrotask(this.#socketClosed);
    if (head.length > 0) this.#receive(head);
    socket.resume();
  }

  get busy(): boolean {
    return this.#stream !== undefined;
  }

  get draining(): boolean {
    return this.#draining;
  }

  drain(): void {
    this.#draining = true;
  }

  close(): void {
    this.socket.destroy();
    this.#socketClosed();
  }

  expireHead(): void {
    if (this.#stream === undefined && !this.#closing)
      this.#broken(new CodecError("head-timeout", "the request's head takes too long"));
  }

  readonly #receive = (bytes: Buffer) => {
    if (this.#closing) return; // read only so that the close is not taken for a reset
    try {
      this.parser.execute(bytes);
    } catch (error) {
      this.#broken(error);
    }
    if (this.#stream === undefined && this.parser.heldBytes > 0) this.#handler.onPartialHead();
    this.updateFlow();
  };

  readonly #ended = () => {
    if (this.#closing) return;
    try {
      this.parser.end();
    } catch {
      // An unfinished request is over either way.
    }
    // As Envoy: a client that closes its side of an HTTP/1 connection has gone.
    this.close();
  };

  readonly #socketClosed = () => {
    if (this.#closed) return;
    this.#closed = true;
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.receiver?.onReset({ kind: "remote-close" });
    this.#handler.onClose();
  };

  #broken(error: unknown): void {
    if (!(error instanceof CodecError)) throw error;
    this.#closing = true;
    const stream = this.#stream;
    if (stream === undefined || stream.requestDone) {
      // The request before is answered already, or else it would not be this one's turn.
      const bad = new Http1ServerStream(this, "GET", "HTTP/1.1", false);
      bad.requestDone = true;
      this.#stream = bad;
      this.#handler.onBadRequest(bad, error);
      return;
    }
    stream.requestDone = true;
    stream.keepAlive = false;
    stream.receiver?.onReset({ kind: "protocol-error", error });
  }

  // ParserSink

  onHead(text: string): number {
    const { head, body, keepAlive } = parseRequestHead(text, this.options);
    const stream = new Http1ServerStream(this, head.method, head.protocol, keepAlive && !this.#draining);
    this.#stream = stream;
    stream.upgrading = head.upgrade !== "";
    const endStream = body === 0 && !stream.upgrading;
    stream.requestDone = endStream;
    stream.receiver = this.#handler.onRequest(stream, head, endStream);
    return stream.upgrading ? 0 : body;
  }

  onData(chunk: Buffer, last: boolean): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    if (last) stream.requestDone = true;
    stream.receiver?.onData(chunk, last);
  }

  onTrailers(trailers: HeaderMap): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    stream.requestDone = true;
    if (trailers.size > 0 && this.options.enableTrailers) stream.receiver?.onTrailers(trailers);
    else stream.receiver?.onData(empty, true);
  }

  onMessageEnd(): void {
    this.settle();
  }

  // For the stream

  /** Goes on where the present exchange is over. */
  settle(): void {
    const stream = this.#stream;
    if (stream === undefined || !stream.responseDone) return;
    if (stream.requestDone && stream.keepAlive && !this.#draining && !this.#closing) {
      this.#stream = undefined;
      this.#handler.onIdle();
      try {
        this.parser.next();
      } catch (error) {
        this.#broken(error);
      }
      this.updateFlow();
      return;
    }
    this.#stream = undefined;
    this.#finish();
  }

  /** Ends the socket once all is written, and reads on for a while: else a client still sending sees a reset. */
  #finish(): void {
    this.#closing = true;
    if (this.socket.destroyed) return;
    this.writer.flush();
    this.socket.end();
    this.socket.resume();
    const cancel = this.options.clock.after(this.options.delayedCloseMs, () => this.socket.destroy());
    this.socket.once("close", cancel);
  }

  /** Reads no further while a stream holds its data, or while the next request waits for its turn. */
  updateFlow(): void {
    const stream = this.#stream;
    const pause = stream !== undefined && (stream.held || (stream.requestDone && this.parser.heldBytes > 0));
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.socket.pause();
    else this.socket.resume();
  }
}

type OutgoingFraming = "none" | "length" | "chunked" | "close" | "tunnel";

class Http1ServerStream implements ServerStream {
  receiver: MessageReceiver | undefined;
  requestDone = false;
  responseDone = false;
  keepAlive: boolean;
  held = false;
  upgrading = false;
  readonly #connection: Http1ServerConnection;
  readonly #method: string;
  readonly #protocol: HttpProtocol;
  #framing: OutgoingFraming | undefined;

  constructor(connection: Http1ServerConnection, method: string, protocol: HttpProtocol, keepAlive: boolean) {
    this.#connection = connection;
    this.#method = method;
    this.#protocol = protocol;
    this.keepAlive = keepAlive;
  }

  closeAfterResponse(): void {
    this.keepAlive = false;
  }

  writeInformational(head: ResponseHead): void {
    if (this.#framing !== undefined || this.#protocol === "HTTP/1.0") return;
    this.#connection.writer.text(`${statusLine(head.status)}${serializeHeaders(head.headers)}\r\n`, true);
  }

  writeHead(head: ResponseHead, endStream: boolean): void {
    if (this.responseDone || this.#framing !== undefined) return;
    const tunnel =
      this.upgrading && (head.status === 101 || (this.#method === "CONNECT" && head.status < 300));
    if (this.upgrading && !tunnel) this.#refuseUpgrade();
    if (this.#connection.draining || (endStream && !this.requestDone && !tunnel)) this.keepAlive = false;
    this.#framing = tunnel ? "tunnel" : this.#chooseFraming(head, endStream);
    const last = endStream && !tunnel;
    this.#connection.writer.text(this.#serialize(head, tunnel), last);
    if (last) this.#done();
    else if (tunnel) {
      this.keepAlive = false;
      this.requestDone = false;
      this.#connection.parser.tunnel();
    }
  }

  /** The upstream will not switch protocols: then the request had no body. */
  #refuseUpgrade(): void {
    this.upgrading = false;
    this.requestDone = true;
    // What it sent after the head was meant for the other protocol.
    this.keepAlive = this.keepAlive && this.#connection.parser.heldBytes === 0;
    this.receiver?.onData(empty, true);
  }

  #chooseFraming(head: ResponseHead, endStream: boolean): OutgoingFraming {
    const { headers, status } = head;
    if (hasNoBody(this.#method, status)) return "none";
    if (headers.has("content-length")) return "length";
    if (endStream) {
      headers.append("content-length", "0");
      return "length";
    }
    if (this.#protocol === "HTTP/1.1") {
      headers.append("transfer-encoding", "chunked");
      return "chunked";
    }
    this.keepAlive = false;
    return "close";
  }

  #serialize(head: ResponseHead, tunnel: boolean): string {
    const text = statusLine(head.status) + serializeHeaders(head.headers);
    if (tunnel) return head.status === 101 ? `${text}connection: upgrade\r\n\r\n` : `${text}\r\n`;
    if (!this.keepAlive) return `${text}connection: close\r\n\r\n`;
    if (this.#protocol === "HTTP/1.0") return `${text}connection: keep-alive\r\n\r\n`;
    return `${text}\r\n`;
  }

  writeData(chunk: Buffer, endStream: boolean): WriteOutcome {
    if (this.responseDone) return "written";
    const { writer } = this.#connection;
    let outcome: WriteOutcome = "written";
    if (this.#framing === "chunked") outcome = writer.chunk(chunk, endStream);
    else if (this.#framing !== "none") outcome = writer.data(chunk, endStream);
    if (endStream) this.#done();
    return outcome;
  }

  writeTrailers(trailers: HeaderMap): void {
    if (this.responseDone) return;
    const { writer } = this.#connection;
    if (this.#framing === "chunked") {
      const send = this.#connection.options.enableTrailers;
      writer.text(`0\r\n${send ? serializeHeaders(trailers) : ""}\r\n`, true);
    } else writer.flush();
    this.#done();
  }

  #done(): void {
    this.#connection.writer.flush();
    this.responseDone = true;
    this.#connection.settle();
  }

  reset(): void {
    if (this.responseDone && this.requestDone) return;
    this.receiver = undefined;
    this.#connection.close();
  }

  hold(hold: boolean): void {
    if (this.requestDone && hold) return;
    this.held = hold;
    this.#connection.updateFlow();
  }
}
