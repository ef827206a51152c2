import type { Socket } from "node:net";
import type { ServerConnection, ServerHandler } from "./codec.ts";
import { createHttp1Server, type Http1ServerOptions } from "./http1/server.ts";
import { clientPreface } from "./http2/frame.ts";
import { createHttp2Server, type Http2ServerOptions } from "./http2/server.ts";

/** Settings of a downstream connection, whatever it speaks. */
export type ServerOptions = Http1ServerOptions & Http2ServerOptions;

/** What a downstream connection speaks; `detect`: its first bytes say it. */
export type ServerProtocol = "http1" | "http2" | "detect";

/** Serves HTTP on a socket; `head` is what has been read of it. */
export function createServerConnection(
  protocol: ServerProtocol,
  socket: Socket,
  head: Buffer,
  options: ServerOptions,
  handler: ServerHandler,
): ServerConnection {
  if (protocol === "http1") return createHttp1Server(socket, head, options, handler);
  if (protocol === "http2") return createHttp2Server(socket, head, options, handler);
  const known = detect(head);
  if (known !== undefined) return createServerConnection(known, socket, head, options, handler);
  return new DetectingConnection(socket, head, options, handler);
}

/** As Envoy: so much of HTTP/2's preface is enough to tell. */
const tell = clientPreface.subarray(0, "PRI * HTTP/2".length);

function detect(head: Buffer): "http1" | "http2" | undefined {
  const compared = Math.min(head.length, tell.length);
  if (head.compare(tell, 0, compared, 0, compared) !== 0) return "http1";
  return compared === tell.length ? "http2" : undefined;
}

/** A connection whose first bytes are still to come. */
class DetectingConnection implements ServerConnection {
  #codec: ServerConnection | undefined;
  readonly #socket: Socket;
  readonly #handler: ServerHandler;
  #drains = false;
  #closed = false;

  constructor(socket: Socket, head: Buffer, options: ServerOptions, handler: ServerHandler) {
    this.#socket = socket;
    this.#handler = handler;
    let received = head;
    const read = (bytes: Buffer) => {
      received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
      const protocol = detect(received);
      if (protocol === undefined) return;
      socket.off("data", read).off("end", this.#gone).off("close", this.#gone);
      this.#codec = createServerConnection(protocol, socket, received, options, handler);
      if (this.#drains) this.#codec.drain();
    };
    socket.on("data", read).on("end", this.#gone).on("close", this.#gone);
    socket.on("error", () => socket.destroy()); // `close` follows
    if (socket.destroyed) queueMicrotask(this.#gone);
    socket.resume();
  }

  readonly #gone = () => {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    this.#handler.onClose();
  };

  get busy(): boolean {
    return this.#codec?.busy ?? false;
  }

  drain(): void {
    if (this.#codec !== undefined) this.#codec.drain();
    else this.#drains = true;
  }

  finish(): void {
    if (this.#codec !== undefined) this.#codec.finish();
    else this.#gone();
  }

  close(): void {
    if (this.#codec !== undefined) this.#codec.close();
    else this.#gone();
  }

  expireHead(): void {
    if (this.#codec !== undefined) this.#codec.expireHead();
    else this.#gone();
  }
}
