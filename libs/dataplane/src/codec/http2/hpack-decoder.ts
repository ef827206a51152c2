import { checkField, internName } from "./field-check.ts";
import { FieldTable, staticFields } from "./field-table.ts";
import { defaultTableSize, errorCode, Http2Error } from "./frame.ts";
import { decodeHuffman, maxDecodedBytes } from "./huffman.ts";

/** Takes the fields of a block, in order. `good` is false for a field that makes its message malformed. */
export interface FieldSink {
  onField(name: string, value: string, good: boolean): void;
}

/** Reads header blocks of one connection. https://www.rfc-editor.org/rfc/rfc7541 */
export class HpackDecoder {
  readonly #table: FieldTable;
  readonly #limit: number;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;
  #scratch = Buffer.allocUnsafeSlow(1024);

  /** `limit`: the table size that the other side was told. */
  constructor(limit = defaultTableSize) {
    this.#limit = limit;
    this.#table = new FieldTable(limit);
  }

  /** @throws {Http2Error} COMPRESSION_ERROR: the connection cannot go on, both sides' tables differ */
  decode(block: Buffer, sink: FieldSink): void {
    this.#block = block;
    this.#at = 0;
    let fieldSeen = false;
    while (this.#at < block.length) {
      const byte = block[this.#at] as number; // the loop's bound
      if (byte >= 0x80) this.#indexed(this.#integer(7), sink);
      else if (byte >= 0x40) this.#literal(this.#integer(6), true, sink);
      else if (byte >= 0x20) {
        // Changes of the size come first in a block. https://www.rfc-editor.org/rfc/rfc7541#section-4.2
        if (fieldSeen) throw broken("table size update after a field");
        const size = this.#integer(5);
        if (size > this.#limit) throw broken("table size update beyond the limit");
        this.#table.resize(size);
        continue;
      } else this.#literal(this.#integer(4), false, sink);
      fieldSeen = true;
    }
  }

  #indexed(index: number, sink: FieldSink): void {
    if (index === 0) throw broken("index 0");
    if (index <= staticFields.length) {
      const [name, value] = staticFields[index - 1] as readonly [string, string]; // just checked
      sink.onField(name, value, !unfit.has(name));
      return;
    }
    const at = index - staticFields.length - 1;
    if (at >= this.#table.length) throw broken("index beyond the table");
    sink.onField(this.#table.name(at), this.#table.value(at), this.#table.good(at));
  }

  #literal(index: number, add: boolean, sink: FieldSink): void {
    const name = index === 0 ? internName(this.#string()) : this.#nameAt(index);
    const value = this.#string();
    const good = checkField(name, value);
    if (add) this.#table.add(name, value, good);
    sink.onField(name, value, good);
  }

  #nameAt(index: number): string {
    const known = staticFields[index - 1];
    if (known !== undefined) return known[0];
    const at = index - staticFields.length - 1;
    if (at >= this.#table.length) throw broken("index beyond the table");
    return this.#table.name(at);
  }

  /** https://www.rfc-editor.org/rfc/rfc7541#section-5.1 */
  #integer(prefixBits: number): number {
    const block = this.#block;
    const most = (1 << prefixBits) - 1;
    let value = (block[this.#at++] as number) & most; // callers have looked at it
    if (value < most) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = block[this.#at++];
      if (byte === undefined) throw broken("integer is cut off");
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw broken("integer is too large");
  }

  #string(): string {
    const first = this.#block[this.#at];
    if (first === undefined) throw broken("string is cut off");
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#block.length) throw broken("string is cut off");
    this.#at = end;
    if (first < 0x80) return this.#block.toString("latin1", start, end);
    const room = maxDecodedBytes(length);
    if (room > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(room);
    const decoded = decodeHuffman(this.#block, start, end, this.#scratch);
    if (decoded < 0) throw broken("string is no Huffman code");
    return this.#scratch.toString("latin1", 0, decoded);
  }
}

/** Static entries that no message may have. */
const unfit: ReadonlySet<string> = new Set(
  staticFields.filter(([name, value]) => !checkField(name, value) && name[0] !== ":").map(([name]) => name),
);

function broken(message: string): Http2Error {
  return new Http2Error(errorCode.compressionError, `header block: ${message}`);
}
