import type { Http2Limits } from "../../runtime/http2-settings.ts";
import { errorCode, Http2Error } from "./frame.ts";

/**
 * Counts what a peer may do without cost to itself, and says when it is too much.
 * https://www.rfc-editor.org/rfc/rfc9113#section-10.5
 */
export class FloodGuard {
  readonly #limits: Http2Limits;
  readonly #now: () => number;
  #emptyFrames = 0;
  #priorities = 0;
  #windowUpdates = 0;
  #streams = 0;
  #dataFrames = 0;
  #resets: number;
  #resetsCounted: number;
  #control = 0;

  /** `now`: monotonic milliseconds. */
  constructor(limits: Http2Limits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#resets = limits.resetBurst;
    this.#resetsCounted = now();
  }

  /** A stream was opened, by either side. */
  streamOpened(): void {
    this.#streams++;
  }

  dataFrameSent(): void {
    this.#dataFrames++;
  }

  /** A frame came that has something in it. */
  fullFrame(): void {
    this.#emptyFrames = 0;
  }

  emptyFrame(): void {
    if (++this.#emptyFrames > this.#limits.consecutiveEmptyFrames) throw flood("empty frames");
  }

  priority(): void {
    if (++this.#priorities > this.#limits.priorityFramesPerStream * (1 + this.#streams))
      throw flood("PRIORITY frames");
  }

  windowUpdate(): void {
    const allowed = 5 + 2 * (this.#streams + this.#limits.windowUpdatesPerDataFrame * this.#dataFrames);
    if (++this.#windowUpdates > allowed) throw flood("WINDOW_UPDATE frames");
  }

  /** The client has reset a stream: a bucket of tokens that fills again slowly. CVE-2023-44487 */
  streamReset(): void {
    const { resetBurst, resetsPerSecond } = this.#limits;
    const now = this.#now();
    this.#resets = Math.min(
      resetBurst,
      this.#resets + ((now - this.#resetsCounted) * resetsPerSecond) / 1000,
    );
    this.#resetsCounted = now;
    if (this.#resets < 1) throw flood("reset streams");
    this.#resets--;
  }

  /** An answer was queued that the peer asked for; `stuck`: it does not read. */
  controlFrame(stuck: boolean): void {
    this.#control = stuck ? this.#control + 1 : 0;
    if (this.#control > this.#limits.outboundControlFrames) throw flood("frames that want an answer");
  }
}

function flood(what: string): Http2Error {
  return new Http2Error(errorCode.enhanceYourCalm, `too many ${what}`);
}
