import { inspect } from "node:util";

const redacted = "[redacted]";

/**
 * Holds a value that must not be seen: in JSON, in text, in logs and in `console.log` it is `[redacted]`.
 * Only {@link Secret.expose} gives it out, so that each place that does can be found.
 */
export class Secret<T> {
  readonly #value: T;
  constructor(value: T) {
    this.#value = value;
  }
  /** The value itself. */
  expose(): T {
    return this.#value;
  }
  toJSON(): string {
    return redacted;
  }
  toString(): string {
    return redacted;
  }
  [inspect.custom](): string {
    return redacted;
  }
}
