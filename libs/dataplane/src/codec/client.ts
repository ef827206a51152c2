import type { Socket } from "node:net";
import type { ClientConnection, ClientHandler } from "./codec.ts";
import { createHttp1Client, type Http1ClientOptions } from "./http1/client.ts";
import { createHttp2Client } from "./http2/client.ts";
import type { SessionOptions } from "./http2/session.ts";

/** Settings of an upstream connection, whatever it speaks. */
export type ClientOptions = Http1ClientOptions & SessionOptions;

/** Speaks HTTP on a connected socket. The caller feeds `receive`; bytes in a buffer that is used again are fine. */
export function createClientConnection(
  protocol: "http1" | "http2",
  socket: Socket,
  options: ClientOptions,
  handler: ClientHandler,
): ClientConnection {
  return protocol === "http2"
    ? createHttp2Client(socket, options, handler)
    : createHttp1Client(socket, options, handler);
}
