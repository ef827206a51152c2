import { type TimerWheel, WheelTimer } from "../timer-wheel.ts";

/** Limits on one request and on each of its tries; milliseconds, 0 for none. */
export interface RequestLimits {
  readonly routeMs: number;
  readonly perTryMs: number;
  readonly perTryIdleMs: number;
}

/** Called when a limit is reached. */
export interface TimedRequest {
  onRouteTimeout(): void;
  onPerTryTimeout(): void;
  onPerTryIdleTimeout(): void;
}

/** The timers of a forwarded request. */
export class RequestTimers {
  readonly #wheel: TimerWheel;
  readonly #limits: RequestLimits;
  readonly #owner: TimedRequest;
  #route: WheelTimer | undefined;
  #try: WheelTimer | undefined;
  #tryIdle: WheelTimer | undefined;

  constructor(wheel: TimerWheel, limits: RequestLimits, owner: TimedRequest) {
    this.#wheel = wheel;
    this.#limits = limits;
    this.#owner = owner;
  }

  /** As Envoy: the route's timeout runs from the end of the request. */
  requestComplete(): void {
    const { routeMs } = this.#limits;
    if (routeMs <= 0 || this.#route !== undefined) return;
    this.#route = new WheelTimer(() => this.#owner.onRouteTimeout());
    this.#wheel.arm(this.#route, routeMs);
  }

  tryStarted(): void {
    const { perTryMs } = this.#limits;
    if (perTryMs > 0) {
      this.#try ??= new WheelTimer(() => this.#owner.onPerTryTimeout());
      this.#wheel.arm(this.#try, perTryMs);
    }
    this.touchTry();
  }

  /** Something went over the wire: the try is not idle. */
  touchTry(): void {
    const { perTryIdleMs } = this.#limits;
    if (perTryIdleMs <= 0) return;
    this.#tryIdle ??= new WheelTimer(() => this.#owner.onPerTryIdleTimeout());
    this.#wheel.arm(this.#tryIdle, perTryIdleMs);
  }

  /** A response has begun; of a tunnel only the handshake has to be in time. */
  responding(tunnel: boolean): void {
    this.#cancel(this.#try);
    if (tunnel) this.#cancel(this.#route);
  }

  tryOver(): void {
    this.#cancel(this.#try);
    this.#cancel(this.#tryIdle);
  }

  stop(): void {
    this.#cancel(this.#route);
  }

  #cancel(timer: WheelTimer | undefined): void {
    if (timer !== undefined) this.#wheel.cancel(timer);
  }
}
