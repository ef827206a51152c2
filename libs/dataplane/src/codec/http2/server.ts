import type { Socket } from "node:net";
import type { ServerConnection, ServerHandler } from "../codec.ts";
import { errorCode, Http2Error, maxWindow } from "./frame.ts";
import { buildRequestHead, declaredBytes, type Malformed } from "./request-head.ts";
import { Http2ServerStream } from "./server-stream.ts";
import { Http2Session, type SessionOptions } from "./session.ts";

/** Settings of a downstream connection. */
export interface Http2ServerOptions extends SessionOptions {
  /** How long a closed connection still reads, so that the client gets to see what it did wrong. */
  readonly delayedCloseMs: number;
}

/** Serves HTTP/2 on a socket; `head` is what has been read of it, the client preface included. */
export function createHttp2Server(
  socket: Socket,
  head: Buffer,
  options: Http2ServerOptions,
  handler: ServerHandler,
): ServerConnection {
  const connection = new Http2ServerConnection(socket, options, handler);
  connection.start(head);
  return connection;
}

class Http2ServerConnection extends Http2Session<Http2ServerStream> implements ServerConnection {
  readonly #handler: ServerHandler;
  readonly #delayedCloseMs: number;
  #lastId = 0;
  /** Streams above this are not taken: the client knows. */
  #acceptsTo = maxWindow;
  #socketClosed = false;

  constructor(socket: Socket, options: Http2ServerOptions, handler: ServerHandler) {
    super(socket, options, true);
    this.#handler = handler;
    this.#delayedCloseMs = options.delayedCloseMs;
  }

  start(head: Buffer): void {
    const { socket } = this;
    socket.on("data", this.#read);
    socket.on("end", () => this.close());
    socket.on("error", () => socket.destroy()); // `close` follows, and tells
    socket.on("close", this.#onSocketClose);
    // Gone between accept and here: `close` has been, and nobody listened.
    if (socket.destroyed) queueMicrotask(this.#onSocketClose);
    if (head.length > 0) this.#read(head);
    socket.resume();
  }

  readonly #read = (bytes: Buffer) => {
    // What comes after the end is read only so that the close is not taken for a reset.
    if (!this.closed) this.receive(bytes);
  };

  get busy(): boolean {
    return this.streams.size > 0;
  }

  drain(): void {
    // Streams that are on their way still count; `finish` says where it ends.
    if (!this.closed && this.#acceptsTo === maxWindow) this.writer.goaway(maxWindow, errorCode.noError);
  }

  finish(): void {
    if (this.closed || this.#acceptsTo < maxWindow) return;
    this.#acceptsTo = this.#lastId;
    this.writer.goaway(this.#lastId, errorCode.noError);
    if (!this.busy) this.#end();
  }

  close(): void {
    this.breakStreams({ kind: "remote-close" });
    this.writer.flush();
    this.socket.destroy();
    this.#onSocketClose();
  }

  /** A head is one frame, or few: HTTP/2 knows no request that is slow to begin. */
  expireHead(): void {}

  readonly #onSocketClose = () => {
    if (this.#socketClosed) return;
    this.#socketClosed = true;
    this.breakStreams({ kind: "remote-close" });
    this.#handler.onClose();
  };

  /** Ends the socket once all is written, and reads on for a while: else a client still sending sees a reset. */
  #end(): void {
    this.closed = true;
    this.writer.flush();
    if (this.socket.destroyed) return;
    this.socket.end();
    const cancel = this.options.clock.after(this.#delayedCloseMs, () => this.socket.destroy());
    this.socket.once("close", cancel);
  }

  // What the session leaves to its side

  protected override get lastStreamId(): number {
    return this.#lastId;
  }

  protected isIdle(streamId: number): boolean {
    return streamId > this.#lastId || streamId % 2 === 0;
  }

  protected onFields(id: number, endStream: boolean): void {
    const known = this.streams.get(id);
    if (known !== undefined) this.#onTrailers(known, endStream);
    else if (id % 2 === 0) throw new Http2Error(errorCode.protocolError, "a client opened an even stream");
    else if (id > this.#lastId) this.#onRequest(id, endStream);
    // Else trailers of a stream that was reset here.
  }

  #onRequest(id: number, endStream: boolean): void {
    if (id > this.#acceptsTo) {
      this.writeReset(id, errorCode.refusedStream);
      return;
    }
    this.#lastId = id;
    this.guard.streamOpened();
    const { fields, options } = this;
    const { http2 } = options;
    if (this.streams.size >= http2.maxConcurrentStreams) {
      this.writeReset(id, errorCode.refusedStream);
      return;
    }
    if (fields.tooLarge !== undefined) {
      this.#handler.onUnreadableRequest("DR", fields.tooLarge);
      this.writeReset(id, errorCode.internalError);
      return;
    }
    const head = buildRequestHead(fields, http2.allowConnect);
    if (typeof head === "string") {
      this.#refuse(id, head);
      return;
    }
    const length = declaredBytes(head.headers.first("content-length"));
    if (length === undefined || (endStream && length > 0)) {
      this.#refuse(
        id,
        length === undefined ? "http2.invalid.header.field" : "http2.violation.of.messaging.rule",
      );
      return;
    }
    const stream = new Http2ServerStream(this, id, this.peerStreamWindow, http2.streamWindow);
    stream.opened = options.clock.monotonic();
    stream.expectedBytes = length;
    stream.remoteEnded = endStream;
    stream.upgrading = head.upgrade !== "" && head.upgrade !== "connect";
    this.streams.set(id, stream);
    const receiver = this.#handler.onRequest(stream, head, endStream);
    if (!stream.dead) stream.receiver = receiver;
  }

  #refuse(id: number, details: Malformed): void {
    this.#handler.onUnreadableRequest("DPE", details);
    this.onMalformed(id, details);
  }

  #onTrailers(stream: Http2ServerStream, endStream: boolean): void {
    const { fields } = this;
    const bad = !endStream || fields.malformed || fields.hasPseudo || stream.remoteEnded;
    if (bad || fields.tooLarge !== undefined || stream.expectedBytes > 0)
      this.onMalformed(stream.id, "malformed trailers");
    else stream.takeTrailers(fields.headers());
  }

  protected onStreamReset(stream: Http2ServerStream, _code: number): void {
    // A stream whose response is out has cost what it costs anyway.
    const answered = stream.localEnded;
    stream.broken({ kind: "stream-reset" });
    if (!answered) this.guard.streamReset(this.options.clock.monotonic() - stream.opened);
  }

  protected onStreamDone(): void {
    this.guard.streamClosed();
    if (this.busy || this.closed) return;
    if (this.#acceptsTo < maxWindow) this.#end();
    else this.#handler.onIdle();
  }

  protected onPeerSettings(): void {}
  onDead(): void {
    this.close();
  }
  onGoaway(): void {
    // The client will open no more streams; those there are go on.
  }

  protected override fail(error: Http2Error): void {
    if (!this.closed) this.#handler.onProtocolError();
    super.fail(error);
  }

  protected onFailure(): void {
    this.#end();
  }
}
