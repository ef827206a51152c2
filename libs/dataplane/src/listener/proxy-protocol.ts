import type { Socket } from "node:net";
import type { Clock } from "@weft/base";
import { type ProxyHeader, parseProxyHeader } from "../proxy-protocol/header.ts";

/** A header that was read, or that there is none. */
export type ReadHeader = Exclude<ProxyHeader, { readonly kind: "need-more" }>;

/** Settings of {@link readProxyHeader}. */
export interface ReadHeaderOptions {
  /** 0: no limit. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Headers of these versions are not looked at: they are the application's bytes. */
  readonly ignored: ReadonlySet<1 | 2>;
}

/**
 * Reads the header of the PROXY protocol from a paused socket; what comes after it stays in the socket. Calls `done`
 * with undefined where the socket closed, or the time (0: no limit) was up, before the header was complete.
 */
export function readProxyHeader(
  socket: Socket,
  { timeoutMs, clock, ignored }: ReadHeaderOptions,
  done: (header: ReadHeader | undefined) => void,
): void {
  let head: Buffer = Buffer.alloc(0);
  const finish = (header: ReadHeader | undefined) => {
    cancel?.();
    socket.off("readable", onReadable).off("end", onGone).off("close", onGone);
    done(header);
  };
  const onReadable = () => {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      const parsed = parseProxyHeader(head);
      if (parsed.kind === "need-more") continue;
      const header: ReadHeader =
        parsed.kind !== "absent" && ignored.has(parsed.version) ? { kind: "absent" } : parsed;
      const rest = head.subarray(header.kind === "found" ? header.length : 0);
      if (rest.length > 0) socket.unshift(rest);
      finish(header);
      return;
    }
  };
  const onGone = () => finish(undefined);
  const cancel = timeoutMs === 0 ? undefined : clock.after(timeoutMs, onGone);
  socket.on("readable", onReadable).on("end", onGone).on("close", onGone);
}
