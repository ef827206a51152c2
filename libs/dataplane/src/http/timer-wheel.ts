import type { Clock } from "@weft/base";
import type { OnFault } from "../runtime/faults.ts";

const slotCount = 1024;

/** One timer of a wheel; may be armed again and again. */
export class WheelTimer {
  /** Called when due. */
  readonly fire: () => void;
  /** The tick when due; -1 while not armed. For the wheel. */
  due = -1;
  previous: WheelTimer | undefined = undefined;
  next: WheelTimer | undefined = undefined;

  constructor(fire: () => void) {
    this.fire = fire;
  }
}

/**
 * Many timers on one timer of the clock: arming and cancelling relink a list, and touch nothing else. Timers are due
 * up to one tick late, never early. For deadlines that are mostly cancelled: requests, idle connections.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #start: number;
  readonly #onFault: OnFault;
  readonly #slots: (WheelTimer | undefined)[] = new Array(slotCount).fill(undefined);
  #count = 0;
  /** Ticks up to here are done. */
  #done = 0;
  /** The tick at which the clock wakes the wheel; Infinity where it does not. */
  #wakeAt = Number.POSITIVE_INFINITY;
  #cancelWake: () => void = () => {};

  /** `onFault`: told of timers that threw; the others go on. Ticks of 4 ms unless told. */
  constructor(
    clock: Clock,
    options: { readonly tickMs?: number; readonly onFault?: OnFault | undefined } = {},
  ) {
    this.#clock = clock;
    this.#tickMs = options.tickMs ?? 4;
    this.#onFault = options.onFault ?? (() => {});
    this.#start = clock.monotonic();
  }

  /** Timers armed at present. */
  get size(): number {
    return this.#count;
  }

  /** Arms a timer `ms` from now; one armed already is moved. */
  arm(timer: WheelTimer, ms: number): void {
    if (timer.due >= 0) this.cancel(timer);
    const elapsed = this.#clock.monotonic() - this.#start;
    const due = Math.ceil((elapsed + ms) / this.#tickMs);
    timer.due = Math.max(due, this.#done + 1);
    this.#link(timer);
    if (timer.due < this.#wakeAt) this.#wake(timer.due, elapsed);
  }

  /** Harmless where the timer is not armed. */
  cancel(timer: WheelTimer): void {
    if (timer.due < 0) return;
    const { previous, next } = timer;
    if (previous !== undefined) previous.next = next;
    else this.#slots[timer.due % slotCount] = next;
    if (next !== undefined) next.previous = previous;
    timer.previous = undefined;
    timer.next = undefined;
    timer.due = -1;
    this.#count--;
  }

  #link(timer: WheelTimer): void {
    const slot = timer.due % slotCount;
    const first = this.#slots[slot];
    timer.next = first;
    if (first !== undefined) first.previous = timer;
    this.#slots[slot] = timer;
    this.#count++;
  }

  #wake(tick: number, elapsed: number): void {
    this.#cancelWake();
    this.#wakeAt = tick;
    this.#cancelWake = this.#clock.after(Math.max(0, tick * this.#tickMs - elapsed), this.#turn);
  }

  readonly #turn = () => {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    const now = Math.floor((this.#clock.monotonic() - this.#start) / this.#tickMs + 1e-6);
    const from = Math.max(this.#done + 1, now - slotCount + 1);
    for (let tick = from; tick <= now; tick++) {
      this.#done = tick;
      this.#fireSlot(tick % slotCount, now);
    }
    if (this.#count === 0) return;
    const elapsed = this.#clock.monotonic() - this.#start;
    // The next slot in use; what is in it may be for a later round, which costs a look.
    for (let tick = this.#done + 1; tick <= this.#done + slotCount; tick++) {
      if (this.#slots[tick % slotCount] === undefined) continue;
      if (tick < this.#wakeAt) this.#wake(tick, elapsed);
      return;
    }
  };

  #fireSlot(slot: number, now: number): void {
    let timer = this.#slots[slot];
    while (timer !== undefined) {
      if (timer.due > now) {
        timer = timer.next;
        continue;
      }
      this.cancel(timer);
      try {
        timer.fire();
      } catch (error) {
        this.#onFault(error);
      }
      timer = this.#slots[slot]; // whatever `fire` did to the list, start over
    }
  }
}
