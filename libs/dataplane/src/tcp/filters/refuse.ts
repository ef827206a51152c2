import type { Socket } from "node:net";
import type { Clock } from "@weft/base";
import type { ConnectionInfo, ServedConnection } from "../../runtime/connection.ts";
import { type AccessLogger, type ResponseFlag, StreamInfo } from "../../runtime/stream-info.ts";

/** Why a connection is refused, and who is told. */
export interface Refusal {
  /** Envoy's connection termination details; absent where Envoy gives none. */
  readonly details?: string;
  readonly flag?: ResponseFlag;
  readonly accessLogs: readonly AccessLogger[];
  readonly clock: Clock;
  /** How long the connection is left open, and unread; at once unless told. */
  readonly delayMs?: number;
}

/** Closes a connection, without a word to the client; the access logs of its chain say why. */
export function refuseConnection(socket: Socket, info: ConnectionInfo, refusal: Refusal): ServedConnection {
  const { clock, flag, details, accessLogs, delayMs = 0 } = refusal;
  const stream = new StreamInfo(info, clock.now(), clock.monotonic());
  stream.terminationDetails = details;
  if (flag !== undefined) stream.flags.add(flag);
  const closed = new Promise<void>((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
  if (delayMs === 0) {
    socket.destroy();
  } else {
    const cancel = clock.after(delayMs, () => socket.destroy());
    socket.once("close", cancel);
  }
  stream.ended = clock.monotonic();
  for (const log of accessLogs) log(stream);
  return { drain: () => {}, close: () => socket.destroy(), closed };
}
