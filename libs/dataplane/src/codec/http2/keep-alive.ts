import type { Clock } from "@weft/base";
import type { Http2KeepAlive } from "../../runtime/http2-settings.ts";

/** What is pinged. */
export interface Pinged {
  /** `onPong` is called when the answer comes. */
  ping(onPong: () => void): void;
  /** No answer in time: nobody is there any more. */
  onDead(): void;
}

/** Pings at intervals; the function that it gives ends that. */
export function keepAlive(
  pinged: Pinged,
  { intervalMs, timeoutMs }: Http2KeepAlive,
  clock: Clock,
): () => void {
  let cancel = () => {};
  const wait = () => {
    cancel = clock.after(intervalMs, () => {
      cancel = clock.after(timeoutMs, () => pinged.onDead());
      pinged.ping(() => {
        cancel();
        wait();
      });
    });
  };
  wait();
  return () => cancel();
}
