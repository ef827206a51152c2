import type { HeaderMap } from "../../runtime/headers.ts";

/** The rest of a message that waits: for leave to send it, or for somebody to take it. Windows bound it. */
export class DataQueue {
  #chunks: Buffer[] = [];
  bytes = 0;
  /** The last chunk ends the message. */
  ended = false;
  trailers: HeaderMap | undefined;

  get length(): number {
    return this.#chunks.length;
  }

  /** Only where there is one. */
  get first(): Buffer {
    return this.#chunks[0] as Buffer; // callers look at the length
  }

  add(chunk: Buffer, last: boolean): void {
    this.#chunks.push(chunk);
    this.bytes += chunk.length;
    if (last) this.ended = true;
  }

  addTrailers(trailers: HeaderMap): void {
    this.trailers = trailers;
  }

  /** Takes the first chunk, or no more than `size` bytes of it. */
  shift(size = this.first.length): Buffer {
    const { first } = this;
    this.bytes -= size;
    if (size === first.length) {
      this.#chunks.shift();
      return first;
    }
    this.#chunks[0] = first.subarray(size);
    return first.subarray(0, size);
  }

  clear(): void {
    this.#chunks = [];
    this.bytes = 0;
    this.trailers = undefined;
  }
}
