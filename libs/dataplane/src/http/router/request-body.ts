import type { ClientStream } from "../../codec/codec.ts";
import type { HeaderMap } from "../../runtime/headers.ts";

/**
 * A request's body on its way: kept while there is no connection to send it on, and for as long as it may have to be
 * sent again.
 */
export class RequestBody {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** No byte has come so far, kept or not. */
  #empty = true;
  #trailers: HeaderMap | undefined;
  #complete: boolean;
  #keep: boolean;

  /** `keep`: for further tries, up to `limit` bytes. */
  constructor(complete: boolean, keep: boolean, limit: number) {
    this.#complete = complete;
    this.#keep = keep;
    this.#limit = limit;
  }

  /** The last byte is in. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Nothing to send after the head, and nothing to come. */
  get absent(): boolean {
    return this.#complete && this.#empty && this.#trailers === undefined;
  }

  /** True while all of it so far is here to be sent again. */
  get repeatable(): boolean {
    return this.#keep;
  }

  /** More waits for a connection than should. */
  get full(): boolean {
    return this.#bytes >= this.#limit;
  }

  /** Takes a chunk, which goes to `stream` at once where there is one; false where the upstream is slow. */
  add(chunk: Buffer, endStream: boolean, stream: ClientStream | undefined): boolean {
    if (endStream) this.#complete = true;
    if (chunk.length > 0) this.#empty = false;
    if (this.#keep || stream === undefined) {
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
    }
    if (this.#bytes > this.#limit && this.#keep) this.forget(stream !== undefined);
    return stream?.writeData(chunk, endStream) !== "full";
  }

  addTrailers(trailers: HeaderMap, stream: ClientStream | undefined): void {
    this.#complete = true;
    this.#trailers = trailers;
    stream?.writeTrailers(trailers);
  }

  /** Sends all that is here; false where the upstream is slow. */
  sendTo(stream: ClientStream): boolean {
    let writable = true;
    const last = this.#complete && this.#trailers === undefined ? this.#chunks.length - 1 : -1;
    for (const [i, chunk] of this.#chunks.entries())
      writable = stream.writeData(chunk, i === last) !== "full";
    if (this.#trailers !== undefined) stream.writeTrailers(this.#trailers);
    if (!this.#keep) this.forget(true);
    return writable;
  }

  /** The same body, to be sent on its own. */
  copy(): RequestBody {
    const copy = new RequestBody(this.#complete, false, this.#limit);
    copy.#chunks = this.#chunks.slice();
    copy.#bytes = this.#bytes;
    copy.#empty = this.#empty;
    copy.#trailers = this.#trailers;
    return copy;
  }

  /** No further try will need it; `sent`: nor does the present one. */
  forget(sent: boolean): void {
    this.#keep = false;
    if (!sent) return;
    this.#chunks = [];
    this.#bytes = 0;
  }
}
