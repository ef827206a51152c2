import type { Socket } from "node:net";
import type { Clock } from "@weft/base";
import type { HeaderMap } from "../../runtime/headers.ts";
import type { ServerConnection, ServerHandler } from "../codec.ts";
import { CodecError } from "../error.ts";
import { MessageParser, type ParserSink } from "./parser.ts";
import { parseRequestHead, type RequestHeadOptions } from "./request-head.ts";
import { Http1ServerStream, type StreamOwner } from "./server-stream.ts";
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

class Http1ServerConnection implements ServerConnection, ParserSink, StreamOwner {
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

  finish(): void {
    this.#draining = true;
    if (!this.busy) this.close();
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
