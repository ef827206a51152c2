/** Something that has bytes to send. */
export interface Flushable {
  flush(): void;
}

/**
 * Sends what the present turn of the event loop has produced, once all sockets that are ready have been read: answers
 * from several upstreams that go to the same client leave in one write.
 */
export class FlushQueue {
  #waiting: Flushable[] = [];

  /** Calls `flush` at the end of the turn. */
  add(flushable: Flushable): void {
    if (this.#waiting.push(flushable) === 1) setImmediate(this.#run);
  }

  readonly #run = () => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const flushable of waiting) flushable.flush();
  };
}
