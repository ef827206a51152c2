import type { ServerStream } from "../codec/codec.ts";
import type { HeaderMap } from "../runtime/headers.ts";
import type { HttpStreamFilter, WriteOutcome } from "../runtime/http-filter.ts";
import type { ResponseHead } from "../runtime/request.ts";
import type { StreamInfo } from "../runtime/stream-info.ts";
import { createHeldMessage, type HeldMessage, releaseHeld } from "./held-message.ts";

/** The stream as its response's way sees it. */
export interface ResponsePathOwner {
  readonly info: StreamInfo;
  readonly finished: boolean;
  /** The head is about to be written: the last changes to it. */
  prepareHead(head: ResponseHead): void;
  /** All is written. */
  finish(): void;
  /** Something threw. */
  fail(error: unknown): void;
}

const empty = Buffer.alloc(0);

/** A response's way through the filters, in reverse order, to the client. */
export class ResponsePath {
  headWritten = false;
  readonly #owner: ResponsePathOwner;
  readonly #codec: ServerStream;
  #filters: readonly HttpStreamFilter[] = [];
  #head: ResponseHead | undefined;
  #at = 0;
  #stopped = false;
  #end = false;
  #held: HeldMessage | undefined;

  constructor(owner: ResponsePathOwner, codec: ServerStream) {
    this.#owner = owner;
    this.#codec = codec;
  }

  get started(): boolean {
    return this.#head !== undefined;
  }

  /** The filters to pass; none for an answer that says that they threw. */
  set filters(filters: readonly HttpStreamFilter[]) {
    this.#filters = filters;
  }

  /** Forgets what was on its way and is not written yet: something else is answered. */
  discard(): void {
    this.#head = undefined;
    this.#held = undefined;
    this.#stopped = false;
  }

  start(head: ResponseHead, endStream: boolean): void {
    this.#head = head;
    this.#end = endStream;
    try {
      this.#run(this.#filters.length - 1);
    } catch (error) {
      this.#owner.fail(error);
    }
  }

  #run(from: number): void {
    const head = this.#head;
    if (head === undefined) return;
    const filters = this.#filters;
    for (let i = from; i >= 0; i--) {
      this.#at = i;
      const status = filters[i]?.onResponse?.(head, this.#end);
      if (this.#owner.finished) return;
      if (status === "stop") {
        this.#stopped = true;
        return;
      }
    }
    const held = this.#held;
    this.#held = undefined;
    this.#writeHead(head, this.#end && held === undefined);
    if (held !== undefined)
      releaseHeld(
        held,
        (chunk, endStream) => this.#writeData(chunk, endStream),
        (trailers) => this.#writeTrailers(trailers),
      );
  }

  #writeHead(head: ResponseHead, endStream: boolean): void {
    this.#owner.prepareHead(head);
    this.headWritten = true;
    this.#codec.writeHead(head, endStream);
    if (endStream) this.#owner.finish();
  }

  /** Passes a stopped response on to the next filter; false where none was stopped. */
  continue(): boolean {
    if (!this.#stopped) return false;
    this.#stopped = false;
    try {
      this.#run(this.#at - 1);
    } catch (error) {
      this.#owner.fail(error);
    }
    return true;
  }

  takeData(chunk: Buffer, endStream: boolean): WriteOutcome {
    if (!this.headWritten) {
      this.#held ??= createHeldMessage();
      this.#held.chunks.push(chunk);
      this.#held.end = endStream;
      return "full";
    }
    try {
      return this.#writeData(chunk, endStream);
    } catch (error) {
      this.#owner.fail(error);
      return "written";
    }
  }

  #writeData(chunk: Buffer, endStream: boolean): WriteOutcome {
    return this.#passData(chunk, endStream, this.#filters.length - 1);
  }

  #passData(chunk: Buffer, endStream: boolean, from: number): WriteOutcome {
    let data = chunk;
    const filters = this.#filters;
    for (let i = from; i >= 0; i--) {
      const filter = filters[i];
      if (filter?.onResponseData !== undefined) data = filter.onResponseData(data, endStream) ?? empty;
    }
    this.#owner.info.bytesSent += data.length;
    const outcome = this.#codec.writeData(data, endStream);
    if (endStream) this.#owner.finish();
    return outcome;
  }

  takeTrailers(trailers: HeaderMap): void {
    if (!this.headWritten) {
      this.#held ??= createHeldMessage();
      this.#held.trailers = trailers;
      return;
    }
    try {
      this.#writeTrailers(trailers);
    } catch (error) {
      this.#owner.fail(error);
    }
  }

  #writeTrailers(trailers: HeaderMap): void {
    for (let i = this.#filters.length - 1; i >= 0; i--) {
      const last = this.#filters[i]?.onResponseTrailers?.(trailers);
      if (last !== undefined) this.#passData(last, false, i - 1);
    }
    this.#owner.info.responseTrailers = trailers;
    this.#codec.writeTrailers(trailers);
    this.#owner.finish();
  }
}
