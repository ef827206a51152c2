import type { HeaderMap } from "../runtime/headers.ts";
import type { HttpStreamFilter, TerminalStreamFilter } from "../runtime/http-filter.ts";
import type { RequestHead } from "../runtime/request.ts";
import { createHeldMessage, type HeldMessage, releaseHeld } from "./held-message.ts";

/** The stream as its request's way sees it. */
export interface RequestPathOwner {
  readonly request: RequestHead;
  /** Over, well or not. */
  readonly finished: boolean;
  /** A response has been started: the request goes no further. */
  readonly answered: boolean;
  /** Stops (true) and starts the flow of the request's body. */
  holdBody(hold: boolean): void;
  /** Something threw. */
  fail(error: unknown): void;
}

const empty = Buffer.alloc(0);

/** A request's way through the filters, in their order, to the last. */
export class RequestPath {
  /** The whole request is here. */
  ended: boolean;
  readonly #owner: RequestPathOwner;
  #filters: readonly HttpStreamFilter[] = [];
  #terminal: TerminalStreamFilter | undefined;
  /** The filter that has the head; those before it are done with it. */
  #at = 0;
  #stopped = false;
  #held: HeldMessage | undefined;
  /** Has stopped the request, and wants its body. */
  #bufferingFilter: HttpStreamFilter | undefined;
  #terminalStarted = false;
  #holdByTerminal = false;

  constructor(owner: RequestPathOwner, ended: boolean) {
    this.#owner = owner;
    this.ended = ended;
  }

  /** Sends the head on its way. */
  start(filters: readonly HttpStreamFilter[], terminal: TerminalStreamFilter): void {
    this.#filters = filters;
    this.#terminal = terminal;
    this.#run(0);
  }

  #run(from: number): void {
    const filters = this.#filters;
    const owner = this.#owner;
    for (let i = from; i < filters.length; i++) {
      this.#at = i;
      const status = filters[i]?.onRequest?.(owner.request, this.ended);
      if (owner.finished || owner.answered) return; // answered here
      if (status !== "stop" && status !== "buffer") continue;
      this.#stopped = true;
      if (status === "buffer") this.#bufferingFilter = filters[i];
      if (!this.ended) this.#updateHold();
      return;
    }
    this.#at = filters.length;
    this.#terminalStarted = true;
    const held = this.#held;
    this.#held = undefined;
    this.#terminal?.onRequest(owner.request, this.ended && held === undefined);
    if (held !== undefined)
      releaseHeld(
        held,
        (chunk, endStream) => this.#data(chunk, endStream),
        (trailers) => this.#trailers(trailers),
      );
  }

  /** Passes a stopped request on to the next filter. */
  continue(): void {
    const owner = this.#owner;
    if (!this.#stopped || owner.finished || owner.answered) return;
    this.#stopped = false;
    this.#bufferingFilter = undefined;
    try {
      this.#run(this.#at + 1);
    } catch (error) {
      owner.fail(error);
    }
    this.#updateHold();
  }

  takeData(chunk: Buffer, endStream: boolean): void {
    if (!this.#terminalStarted) {
      this.#held ??= createHeldMessage();
      this.#held.chunks.push(chunk);
      this.#held.end = endStream;
      this.#feedBuffering(this.#held);
      return;
    }
    try {
      this.#data(chunk, endStream);
    } catch (error) {
      this.#owner.fail(error);
    }
  }

  #data(chunk: Buffer, endStream: boolean): void {
    let data = chunk;
    for (const filter of this.#filters) {
      if (filter.onRequestData !== undefined) data = filter.onRequestData(data, endStream) ?? empty;
    }
    if (data.length > 0 || endStream) this.#terminal?.onRequestData(data, endStream);
  }

  #feedBuffering({ chunks }: HeldMessage): void {
    const filter = this.#bufferingFilter;
    if (filter === undefined) return;
    try {
      if (filter.onRequestBuffered?.(chunks, this.ended) === "buffer") return;
    } catch (error) {
      this.#owner.fail(error);
    }
    this.#bufferingFilter = undefined;
    if (!this.ended) this.#updateHold();
  }

  takeTrailers(trailers: HeaderMap): void {
    if (!this.#terminalStarted) {
      this.#held ??= createHeldMessage();
      this.#held.trailers = trailers;
      this.#feedBuffering(this.#held);
      return;
    }
    try {
      this.#trailers(trailers);
    } catch (error) {
      this.#owner.fail(error);
    }
  }

  #trailers(trailers: HeaderMap): void {
    for (const filter of this.#filters) filter.onRequestTrailers?.(trailers);
    this.#terminal?.onRequestTrailers(trailers);
  }

  /** Holds the body back, or lets it flow on, as far as the last filter is concerned. */
  hold(hold: boolean): void {
    this.#holdByTerminal = hold;
    this.#updateHold();
  }

  #updateHold(): void {
    const stopped = this.#stopped && this.#bufferingFilter === undefined;
    this.#owner.holdBody(this.#holdByTerminal || stopped);
  }
}
