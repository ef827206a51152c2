import type { HeaderMap } from "../../runtime/headers.ts";
import { CodecError } from "../error.ts";
import { checkCharacters, type HeadOptions, hasBareLineFeed, parseFieldLines, toCrLf } from "./fields.ts";
import { type BodyLength, chunked, untilClose } from "./framing.ts";

/** What a parser finds, in order of the bytes. */
export interface ParserSink {
  /** A head, each line of it ended by CRLF, without the empty line; says how long the body is. */
  onHead(text: string): BodyLength;
  /** Body bytes, a view on what the parser was given. */
  onData(chunk: Buffer, last: boolean): void;
  /** The trailers of a chunked body; empty for most. Ends the message. */
  onTrailers(trailers: HeaderMap): void;
  /** The message is over; the parser stands still until {@link MessageParser.next}. */
  onMessageEnd(): void;
}

type State =
  | "head"
  | "length"
  | "close"
  | "chunk-size"
  | "chunk-data"
  | "chunk-end"
  | "trailers"
  | "tunnel"
  | "stopped";

const none = Buffer.alloc(0);
const maxChunkLine = 1024;
const chunkLine = /^([0-9a-fA-F]{1,13})(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
// The end of a head in either kind of line ends.
const headEnd = /\n\r?\n/;

/**
 * Finds messages in a stream of bytes, however it is split. Holds back no more than an unfinished head, chunk line or
 * trailer section, each bounded, and what follows a finished message. Throws nothing but {@link CodecError}, after
 * which it must not be used.
 */
export class MessageParser {
  readonly #sink: ParserSink;
  readonly #options: HeadOptions;
  #state: State = "head";
  #held: Buffer = none;
  #remaining = 0;
  #running = false;

  constructor(sink: ParserSink, options: HeadOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  /** Bytes that wait for the next message. */
  get heldBytes(): number {
    return this.#held.length;
  }

  /** Takes bytes as they come. */
  execute(bytes: Buffer): void {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    this.#run();
  }

  /** Goes on to the next message, with the bytes that wait for it. */
  next(): void {
    this.#state = "head";
    this.#run();
  }

  /** From here on all bytes are data: after 101, or 2xx to CONNECT. */
  tunnel(): void {
    this.#state = "tunnel";
    this.#run();
  }

  /** The other side has sent its last byte. */
  end(): void {
    switch (this.#state) {
      case "close":
      case "tunnel":
        this.#state = "stopped";
        this.#sink.onData(none, true);
        this.#sink.onMessageEnd();
        return;
      case "stopped":
        return;
      case "head":
        if (this.#held.length === 0) return;
        break;
    }
    throw new CodecError("unexpected-end", "connection closed within a message");
  }

  #run(): void {
    if (this.#running) return; // the loop below goes on with what changed
    this.#running = true;
    try {
      while (this.#step());
    } finally {
      this.#running = false;
    }
  }

  /** Does what can be done in the present state; false where it takes more bytes, or `next`. */
  #step(): boolean {
    switch (this.#state) {
      case "head":
        return this.#head();
      case "length":
        return this.#lengthData();
      case "close":
      case "tunnel":
        return this.#allData();
      case "chunk-size":
        return this.#chunkSize();
      case "chunk-data":
        return this.#chunkData();
      case "chunk-end":
        return this.#chunkEnd();
      case "trailers":
        return this.#trailers();
      case "stopped":
        return false;
    }
  }

  #take(count: number): Buffer {
    const bytes = this.#held;
    if (count === bytes.length) {
      this.#held = none;
      return bytes;
    }
    this.#held = bytes.subarray(count);
    return bytes.subarray(0, count);
  }

  #head(): boolean {
    this.#skipEmptyLines();
    if (this.#held.length === 0) return false;
    const text = this.#takeHead("head-too-large");
    if (text === undefined) return false;
    checkCharacters(text);
    // The sink may call `tunnel` or `next` at once, so the state must be settled before and after.
    this.#state = "stopped";
    const length = this.#sink.onHead(text);
    if (this.#state !== "stopped") return true;
    if (length > 0) {
      this.#remaining = length;
      this.#state = "length";
    } else if (length === chunked) this.#state = "chunk-size";
    else if (length === untilClose) this.#state = "close";
    else this.#sink.onMessageEnd();
    return true;
  }

  /** Empty lines before a message are no harm. https://www.rfc-editor.org/rfc/rfc9112#section-2.2-6 */
  #skipEmptyLines(): void {
    const bytes = this.#held;
    let at = 0;
    while (at < bytes.length && (bytes[at] === 13 || bytes[at] === 10)) at++;
    if (at > 0) this.#take(at);
  }

  /** The text up to the empty line, that line taken too; undefined where it has not come yet. */
  #takeHead(tooLarge: "head-too-large" | "trailers-too-large"): string | undefined {
    const bytes = this.#held;
    const end = bytes.indexOf("\r\n\r\n");
    const { maxHeadBytes } = this.#options;
    if (end >= 0 && end <= maxHeadBytes) {
      const text = bytes.toString("latin1", 0, end + 2);
      if (!hasBareLineFeed(text)) {
        this.#take(end + 4);
        return text;
      }
    }
    // Unfinished, too large, or with lines that end in LF alone: rare enough to look again.
    const text = bytes.toString("latin1", 0, maxHeadBytes + 4);
    const loose = headEnd.exec(text);
    if (loose !== null && loose.index <= maxHeadBytes) {
      this.#take(loose.index + loose[0].length);
      return toCrLf(text.slice(0, loose.index + 1));
    }
    if (bytes.length > maxHeadBytes) throw new CodecError(tooLarge, `more than ${maxHeadBytes} bytes`);
    return undefined;
  }

  #lengthData(): boolean {
    if (this.#held.length === 0) return false;
    const chunk = this.#take(Math.min(this.#remaining, this.#held.length));
    this.#remaining -= chunk.length;
    const last = this.#remaining === 0;
    if (last) this.#state = "stopped";
    this.#sink.onData(chunk, last);
    if (last) this.#sink.onMessageEnd();
    return true;
  }

  #allData(): boolean {
    if (this.#held.length === 0) return false;
    this.#sink.onData(this.#take(this.#held.length), false);
    return true;
  }

  // https://www.rfc-editor.org/rfc/rfc9112#name-chunked-transfer-coding
  #chunkSize(): boolean {
    const line = this.#takeLine();
    if (line === undefined) return false;
    const match = chunkLine.exec(line);
    if (match === null) throw new CodecError("bad-chunk", "invalid chunk size");
    this.#remaining = Number.parseInt(match[1] as string, 16); // the group is not optional
    this.#state = this.#remaining === 0 ? "trailers" : "chunk-data";
    return true;
  }

  #takeLine(): string | undefined {
    const end = this.#held.indexOf("\r\n");
    if (end > maxChunkLine || (end < 0 && this.#held.length > maxChunkLine))
      throw new CodecError("bad-chunk", `chunk size line of more than ${maxChunkLine} bytes`);
    if (end < 0) {
      // A lone LF ends no line here: tell at once rather than wait for what will not come.
      if (this.#held.includes(10)) throw new CodecError("bad-chunk", "LF without CR in chunk size line");
      return undefined;
    }
    return this.#take(end + 2).toString("latin1", 0, end);
  }

  #chunkData(): boolean {
    if (this.#held.length === 0) return false;
    const chunk = this.#take(Math.min(this.#remaining, this.#held.length));
    this.#remaining -= chunk.length;
    if (this.#remaining === 0) this.#state = "chunk-end";
    this.#sink.onData(chunk, false);
    return true;
  }

  #chunkEnd(): boolean {
    const bytes = this.#held;
    if ((bytes.length > 0 && bytes[0] !== 13) || (bytes.length > 1 && bytes[1] !== 10))
      throw new CodecError("bad-chunk", "chunk longer than its size");
    if (bytes.length < 2) return false;
    this.#take(2);
    this.#state = "chunk-size";
    return true;
  }

  #trailers(): boolean {
    const bytes = this.#held;
    let text: string | undefined = "";
    if (bytes.length >= 2 && bytes[0] === 13 && bytes[1] === 10) this.#take(2);
    else if (bytes.length < 2 && (bytes.length === 0 || bytes[0] === 13)) return false;
    else {
      text = this.#takeHead("trailers-too-large");
      if (text === undefined) return false;
      checkCharacters(text);
    }
    const trailers = parseFieldLines(text, 0, this.#options);
    this.#state = "stopped";
    this.#sink.onTrailers(trailers);
    this.#sink.onMessageEnd();
    return true;
  }
}
