import type { StreamTimeouts } from "../runtime/http-connection-manager.ts";
import type { LocalReply } from "../runtime/http-filter.ts";
import type { ForwardAction } from "../runtime/route.ts";
import { localReplies } from "./local-reply.ts";
import { type TimerWheel, WheelTimer } from "./timer-wheel.ts";

/** What a stream's timers ask of it, and tell it. */
export interface TimedStream {
  /** Monotonic milliseconds. */
  now(): number;
  /** The whole request is here. */
  readonly requestComplete: boolean;
  /** A limit is reached. */
  onTimeout(reply: LocalReply): void;
}

/** The limits on a stream's time: idle, request, whole life. */
export class StreamTimers {
  readonly #wheel: TimerWheel;
  readonly #stream: TimedStream;
  /** When bytes last went either way. Traffic only sets this; the timer looks at it when it is due. */
  lastActivity: number;
  #idleMs = 0;
  #idle: WheelTimer | undefined;
  #request: WheelTimer | undefined;
  #duration: WheelTimer | undefined;

  constructor(wheel: TimerWheel, stream: TimedStream, started: number) {
    this.#wheel = wheel;
    this.#stream = stream;
    this.lastActivity = started;
  }

  /** Arms what the connection manager sets, or the route in its place. */
  start(timeouts: StreamTimeouts, route: ForwardAction | undefined): void {
    this.#idleMs = route?.idleTimeoutMs ?? timeouts.streamIdleMs;
    if (this.#idleMs > 0) {
      this.#idle = new WheelTimer(this.#onIdle);
      this.#wheel.arm(this.#idle, this.#idleMs);
    }
    if (timeouts.requestMs > 0 && !this.#stream.requestComplete)
      this.#request = this.#limit(timeouts.requestMs, localReplies.requestTimeout);
    const durationMs = route?.maxStreamDurationMs ?? timeouts.maxStreamDurationMs;
    if (durationMs > 0) this.#duration = this.#limit(durationMs, localReplies.maxDuration);
  }

  #limit(ms: number, reply: LocalReply): WheelTimer {
    const timer = new WheelTimer(() => this.#stream.onTimeout(reply));
    this.#wheel.arm(timer, ms);
    return timer;
  }

  readonly #onIdle = () => {
    const left = this.lastActivity + this.#idleMs - this.#stream.now();
    if (left > 0 && this.#idle !== undefined) {
      this.#wheel.arm(this.#idle, left);
      return;
    }
    this.#stream.onTimeout(
      this.#stream.requestComplete ? localReplies.streamIdleUpstream : localReplies.streamIdle,
    );
  };

  requestCompleted(): void {
    if (this.#request !== undefined) this.#wheel.cancel(this.#request);
  }

  stop(): void {
    if (this.#idle !== undefined) this.#wheel.cancel(this.#idle);
    if (this.#request !== undefined) this.#wheel.cancel(this.#request);
    if (this.#duration !== undefined) this.#wheel.cancel(this.#duration);
  }
}
