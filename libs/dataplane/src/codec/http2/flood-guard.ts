import type { Http2Limits } from "../../runtime/http2-settings.ts";
import { errorCode, Http2Error } from "./frame.ts";

/**
 * Counts what a peer may do without cost to itself, and says when it is too much.
 * https://www.rfc-editor.org/rfc/rfc9113#section-10.5
 */
export class FloodGuard {
  readonly #limits: Http2Limits;
  #emptyFrames = 0;
  #priorities = 0;
  #windowUpdates = 0;
  #streams = 0;
  #dataFrames = 0;
  #closed = 0;
  #premature = 0;
  #control = 0;

  constructor(limits: Http2Limits) {
    this.#limits = limits;
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

  /** A stream is over, for whatever reason. */
  streamClosed(): void {
    this.#closed++;
  }

  /**
   * The client has reset a stream before it was answered, `ageMs` after it opened it. As Envoy, a client is cut off
   * once half of its streams are of that kind, or are sure to be (CVE-2023-44487); those who reset now and then are not.
   */
  streamReset(ageMs: number): void {
    const { prematureResetStreams, prematureMs } = this.#limits;
    if (ageMs >= prematureMs) return;
    this.#premature++;
    if (this.#premature * 2 >= Math.max(prematureResetStreams, this.#closed + 1))
      throw flood("reset streams");
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
