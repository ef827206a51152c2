import type { Socket } from "node:net";
import type { WriteOutcome } from "../../runtime/http-filter.ts";
import { chunkSizeLine } from "./serialize.ts";

/** Chunks up to this size join the text before them: one copy costs less than a second buffer in the write. */
const joinBytes = 8192;
/** Text that waits for more of its turn of the event loop is written at the latest at this size. */
const holdBytes = 16_384;

/**
 * Writes messages to a socket with as few system calls as may be: a head waits for the data that follows in the same
 * turn of the event loop, and goes out with it. Text is latin1, so bytes that join it stay what they are.
 */
export class MessageWriter {
  readonly #socket: Socket;
  #pending = "";
  #scheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Takes a head; `last`: nothing follows, so it goes out at once. */
  text(text: string, last: boolean): void {
    this.#pending += text;
    if (last || this.#pending.length > holdBytes) this.flush();
    else this.#schedule();
  }

  /** Takes body bytes as they are. After `full`, `drain` of the socket tells when there is room. */
  data(chunk: Buffer, last: boolean): WriteOutcome {
    if (chunk.length > joinBytes) return this.#through(chunk, "");
    this.text(chunk.toString("latin1"), last);
    return this.#outcome("written");
  }

  /** The same as a chunk of the chunked coding. */
  chunk(chunk: Buffer, last: boolean): WriteOutcome {
    if (chunk.length > 0) this.#pending += chunkSizeLine(chunk.length);
    const after = `${chunk.length > 0 ? "\r\n" : ""}${last ? "0\r\n\r\n" : ""}`;
    if (chunk.length > joinBytes) return this.#through(chunk, after);
    this.text(chunk.toString("latin1") + after, last);
    return this.#outcome("written");
  }

  /** Writes what waits, and the chunk itself, uncopied. */
  #through(chunk: Buffer, after: string): WriteOutcome {
    const socket = this.#socket;
    socket.cork();
    this.flush();
    socket.write(chunk);
    if (after !== "") socket.write(after, "latin1");
    socket.uncork();
    return this.#outcome("queued");
  }

  /** `otherwise`: where the socket has bytes to send still, and room for more. */
  #outcome(otherwise: WriteOutcome): WriteOutcome {
    // What the kernel took at once is out of Node's hands, even where `drain` is yet to come.
    if (this.#socket.writableLength === 0) return "written";
    return this.#socket.writableNeedDrain ? "full" : otherwise;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#flushLater);
  }

  readonly #flushLater = () => {
    this.#scheduled = false;
    this.flush();
  };

  /** Writes what waits. */
  flush(): void {
    if (this.#pending === "") return;
    const text = this.#pending;
    this.#pending = "";
    if (!this.#socket.destroyed) this.#socket.write(text, "latin1");
  }
}
