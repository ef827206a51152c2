import type { Socket } from "node:net";
import type { Clock } from "@weft/base";

/** Parts of {@link relay}. */
export interface RelayOptions {
  readonly downstream: Socket;
  /** Connected. */
  readonly upstream: Socket;
  /** Goes upstream first. */
  readonly head: Buffer;
  /** Closes both sides after this long without a byte either way; 0: never. */
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
  readonly onDownstreamBytes: (count: number) => void;
  readonly onUpstreamBytes: (count: number) => void;
  readonly onIdle: () => void;
}

/**
 * Passes bytes both ways until both sides have finished or one is gone. A side that takes no more (a full write
 * buffer, 16 KiB in Node) stops the reading of the other one, so what waits is bounded.
 */
export function relay(options: RelayOptions): void {
  const { downstream, upstream, head, onDownstreamBytes, onUpstreamBytes } = options;
  const touch = watchIdle(options);
  if (head.length > 0) {
    onDownstreamBytes(head.length);
    upstream.write(head);
  }
  copy(downstream, upstream, (count) => {
    onDownstreamBytes(count);
    touch();
  });
  copy(upstream, downstream, (count) => {
    onUpstreamBytes(count);
    touch();
  });
}

function copy(from: Socket, to: Socket, onBytes: (count: number) => void): void {
  from.on("data", (chunk: Buffer) => {
    onBytes(chunk.length);
    if (!to.write(chunk)) from.pause();
  });
  to.on("drain", () => from.resume());
  from.once("end", () => to.end());
  from.on("error", () => {}); // `close` follows, and says all that matters here
  from.once("close", () => {
    // A side that closed in order has had its last bytes passed on; after an error the other side is cut off too.
    if (from.readableEnded) to.end();
    else to.destroy();
  });
  // Accepted sockets come paused.
  from.resume();
}

/** Gives a function to call at every byte: it costs a clock reading, the timer is set anew only when it fires. */
function watchIdle({ downstream, upstream, idleTimeoutMs, clock, onIdle }: RelayOptions): () => void {
  if (idleTimeoutMs === 0) return () => {};
  let last = clock.monotonic();
  let cancel = () => {};
  const arm = (ms: number) => {
    cancel = clock.after(ms, () => {
      const idle = clock.monotonic() - last;
      if (idle < idleTimeoutMs) {
        arm(idleTimeoutMs - idle);
        return;
      }
      onIdle();
      upstream.destroy();
      downstream.destroy();
    });
  };
  arm(idleTimeoutMs);
  downstream.once("close", () => cancel());
  return () => {
    last = clock.monotonic();
  };
}
