import type { Socket } from "node:net";
import type { HeaderMap } from "../../runtime/headers.ts";
import { type RequestHead, ResponseHead } from "../../runtime/request.ts";
import type {
  ClientConnection,
  ClientHandler,
  ClientStream,
  ResetReason,
  ResponseReceiver,
} from "../codec.ts";
import { errorCode, Http2Error } from "./frame.ts";
import { declaredBytes } from "./request-head.ts";
import { Http2Session, type SessionOptions } from "./session.ts";
import { Http2Stream } from "./stream.ts";

/** Speaks HTTP/2 on a connected socket. The caller feeds `receive`; bytes in a buffer that is used again are fine. */
export function createHttp2Client(
  socket: Socket,
  options: SessionOptions,
  handler: ClientHandler,
): ClientConnection {
  return new Http2ClientConnection(socket, options, handler);
}

/** Stream ids end here; a connection that has used them up is replaced long before. */
const lastUsableId = 2 ** 31 - 1;

class Http2ClientStream extends Http2Stream implements ClientStream {
  declare receiver: ResponseReceiver | undefined;
  readonly method: string;
  /** What the request wants to switch to, in HTTP/1's terms; empty for nothing. */
  readonly upgrade: string;

  constructor(
    session: ConstructorParameters<typeof Http2Stream>[0],
    id: number,
    windows: { readonly send: number; readonly receive: number },
    head: RequestHead,
    receiver: ResponseReceiver,
  ) {
    super(session, id, windows.send, windows.receive);
    this.method = head.method;
    this.headReceived = false;
    this.upgrade = head.upgrade === "connect" ? "" : head.upgrade;
    this.receiver = receiver;
  }

  /** As Envoy: with the whole response here, nobody waits for the rest of the request to be sent. */
  override remoteEnd(): void {
    if (!this.localEnded) this.dropOutgoing();
    super.remoteEnd();
  }
}

class Http2ClientConnection extends Http2Session<Http2ClientStream> implements ClientConnection {
  readonly #handler: ClientHandler;
  #nextId = 1;
  /** The server takes no more streams. */
  #goingAway = false;
  #told = false;

  constructor(socket: Socket, options: SessionOptions, handler: ClientHandler) {
    super(socket, options, false);
    this.#handler = handler;
    // As nghttp2, before the server has said how many it takes.
    this.peerMaxStreams = 100;
    socket.on("end", () => this.#lost({ kind: "remote-close" }));
    socket.on("error", () => this.#lost({ kind: "remote-reset" }));
    socket.on("close", () => this.#lost({ kind: "remote-close" }));
  }

  get room(): number {
    if (this.closed || this.#goingAway || this.#nextId >= lastUsableId) return 0;
    return Math.min(this.options.http2.maxConcurrentStreams, this.peerMaxStreams) - this.streams.size;
  }

  get active(): number {
    return this.streams.size;
  }

  request(head: RequestHead, endStream: boolean, receiver: ResponseReceiver): ClientStream {
    const id = this.#nextId;
    this.#nextId += 2;
    const windows = { send: this.peerStreamWindow, receive: this.options.http2.streamWindow };
    const stream = new Http2ClientStream(this, id, windows, head, receiver);
    this.streams.set(id, stream);
    this.guard.streamOpened();
    stream.localEnded = endStream;
    this.writer.headers(id, pseudoHeaders(head), headersOf(head), endStream);
    return stream;
  }

  close(): void {
    if (!this.closed) this.writer.goaway(0, errorCode.noError);
    this.writer.flush();
    this.#lost({ kind: "local-close" });
  }

  #lost(reason: ResetReason): void {
    if (this.#told) return;
    this.#told = true;
    this.breakStreams(reason);
    this.socket.destroy();
    this.#handler.onClose();
  }

  // What the session leaves to its side

  protected isIdle(streamId: number): boolean {
    return streamId >= this.#nextId || streamId % 2 === 0;
  }

  protected onFields(id: number, endStream: boolean): void {
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) throw new Http2Error(errorCode.protocolError, "HEADERS on an idle stream");
      return; // a response to a request that was given up
    }
    const { fields } = this;
    if (fields.malformed || fields.tooLarge !== undefined || stream.remoteEnded) {
      this.onMalformed(id, "malformed response");
      return;
    }
    if (!stream.headReceived) this.#onHead(stream, endStream);
    else if (!endStream || fields.hasPseudo || stream.expectedBytes > 0)
      this.onMalformed(id, "malformed trailers");
    else stream.takeTrailers(fields.headers());
  }

  #onHead(stream: Http2ClientStream, endStream: boolean): void {
    const { status: text, method } = this.fields;
    const status = /^[1-5]\d\d$/.test(text ?? "") ? Number(text) : 0;
    const headers = this.fields.headers();
    const length = declaredBytes(headers.first("content-length"));
    const informational = status < 200;
    if (
      status === 0 ||
      status === 101 ||
      method !== undefined ||
      length === undefined ||
      (informational && endStream)
    ) {
      this.onMalformed(stream.id, "malformed response");
      return;
    }
    const head = new ResponseHead(status, headers);
    if (informational) {
      stream.receiver?.onInformational(head);
      return;
    }
    stream.headReceived = true;
    if (stream.method !== "HEAD" && status !== 304) stream.expectedBytes = length;
    if (stream.upgrade !== "" && status < 300) {
      // In the terms of HTTP/1, which the rest of the proxy speaks.
      head.status = 101;
      headers.append("upgrade", stream.upgrade);
    }
    const { receiver } = stream;
    if (endStream) stream.remoteEnd();
    receiver?.onHead(head, endStream);
  }

  protected onStreamReset(stream: Http2ClientStream, code: number): void {
    if (stream.remoteEnded) {
      // The response is whole: the server will not read the rest of the request.
      stream.localEnded = true;
      return;
    }
    stream.broken({ kind: code === errorCode.refusedStream ? "refused" : "stream-reset" });
  }

  protected onStreamDone(): void {
    if (this.#goingAway && this.streams.size === 0) this.close();
    else this.#handler.onReusable();
  }

  protected onPeerSettings(): void {
    this.#handler.onReusable();
  }

  onGoaway(lastStreamId: number, _code: number): void {
    this.#goingAway = true;
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= lastStreamId) continue;
      this.streams.delete(stream.id);
      stream.broken({ kind: "refused" });
    }
    this.#handler.onReusable();
    if (this.streams.size === 0) this.close();
  }

  onDead(): void {
    this.#lost({ kind: "remote-close" });
  }

  protected onFailure(): void {
    this.#lost({ kind: "local-close" });
  }
}

/** https://www.rfc-editor.org/rfc/rfc9113#section-8.3.1; an upgrade is an extended CONNECT, as in Envoy. */
function pseudoHeaders(head: RequestHead): readonly string[] {
  const { method, authority, scheme, path, upgrade } = head;
  if (upgrade === "connect") return [":method", "CONNECT", ":authority", authority];
  const rest = [":scheme", scheme, ":authority", authority, ":path", path];
  if (upgrade === "") return [":method", method, ...rest];
  return [":method", "CONNECT", ":protocol", upgrade, ...rest];
}

function headersOf({ headers, upgrade }: RequestHead): HeaderMap {
  if (upgrade === "" || !headers.has("upgrade")) return headers;
  const copy = headers.clone(); // a further try may go to an HTTP/1 host
  copy.remove("upgrade");
  return copy;
}
