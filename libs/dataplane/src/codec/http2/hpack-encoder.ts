import type { HeaderMap } from "../../runtime/headers.ts";
import { FieldTable, fieldOverhead, staticFields } from "./field-table.ts";
import { defaultTableSize } from "./frame.ts";
import type { Output } from "./output.ts";

/** Static indexes by name, and by name and value. */
const staticNames = new Map<string, number>();
const staticValues = new Map<string, Map<string, number>>();
for (const [i, [name, value]] of staticFields.entries()) {
  if (!staticNames.has(name)) staticNames.set(name, i + 1);
  if (value === "") continue;
  const values = staticValues.get(name) ?? new Map<string, number>();
  staticValues.set(name, values.set(value, i + 1));
}

/** Values that are hardly ever the same again: in the table they would push out what is. */
const volatile: ReadonlySet<string> = new Set([
  ":path",
  "age",
  "content-length",
  "content-range",
  "etag",
  "grpc-timeout",
  "if-modified-since",
  "if-none-match",
  "last-modified",
  "location",
  "set-cookie",
  "traceparent",
  "tracestate",
  "x-b3-spanid",
  "x-b3-traceid",
  "x-b3-parentspanid",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-original-path",
  "x-envoy-upstream-service-time",
  "x-request-id",
]);
/** Secrets must not be guessed by how well they compress. https://www.rfc-editor.org/rfc/rfc7541#section-7.1.3 */
const secret: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization", "set-cookie"]);

/** Longer fields are sent as they are. */
const maxIndexedBytes = 1024;

/** Writes header blocks of one connection. Strings go uncompressed: Huffman's code costs more time than its bytes save. */
export class HpackEncoder {
  readonly #table = new FieldTable(defaultTableSize);
  /** Fields of the table: value → the number of its addition, by name. */
  readonly #known = new Map<string, Map<string, number>>();
  #sizeUpdate: number | undefined;

  /** The other side keeps a table of at most this size. */
  limitTable(size: number): void {
    const wanted = Math.min(size, defaultTableSize);
    if (wanted === this.#table.maxSize) return;
    this.#table.resize(wanted);
    this.#sizeUpdate = wanted;
    this.#known.clear();
  }

  /** Begins a block. */
  begin(output: Output): void {
    if (this.#sizeUpdate === undefined) return;
    output.ensure(8);
    integer(output, 0x20, 5, this.#sizeUpdate);
    this.#sizeUpdate = undefined;
  }

  headers(output: Output, { list }: HeaderMap): void {
    // Names stand at even, values at odd places.
    for (let i = 0; i < list.length; i += 2) this.field(output, list[i] as string, list[i + 1] as string);
  }

  field(output: Output, name: string, value: string): void {
    output.ensure(name.length + value.length + 16);
    const whole = staticValues.get(name)?.get(value);
    if (whole !== undefined) {
      integer(output, 0x80, 7, whole);
      return;
    }
    const nameIndex = staticNames.get(name) ?? 0;
    if (secret.has(name)) {
      literal(output, 0x10, 4, nameIndex, name, value);
      return;
    }
    if (volatile.has(name) || name.length + value.length > maxIndexedBytes) {
      literal(output, 0, 4, nameIndex, name, value);
      return;
    }
    const table = this.#table;
    let values = this.#known.get(name);
    const number = values?.get(value);
    const at = number === undefined ? -1 : table.added - 1 - number;
    if (number !== undefined && at < table.length) {
      integer(output, 0x80, 7, staticFields.length + 1 + at);
      return;
    }
    if (table.maxSize < name.length + value.length + fieldOverhead) {
      literal(output, 0, 4, nameIndex, name, value);
      return;
    }
    literal(output, 0x40, 6, nameIndex, name, value);
    // What the table has dropped is dropped here once it is a multiple of what the table can hold.
    if (values !== undefined && values.size >= maxValues) values.clear();
    if (values === undefined) {
      if (this.#known.size >= maxNames) this.#known.clear();
      values = new Map();
      this.#known.set(name, values);
    }
    values.set(value, table.added);
    table.add(name, value);
  }
}

const maxNames = 256;
const maxValues = 128;

function literal(
  output: Output,
  pattern: number,
  bits: number,
  index: number,
  name: string,
  value: string,
): void {
  integer(output, pattern, bits, index);
  if (index === 0) {
    integer(output, 0, 7, name.length);
    output.text(name);
  }
  integer(output, 0, 7, value.length);
  output.text(value);
}

/** https://www.rfc-editor.org/rfc/rfc7541#section-5.1 */
function integer(output: Output, pattern: number, bits: number, value: number): void {
  const { bytes } = output;
  const most = (1 << bits) - 1;
  if (value < most) {
    bytes[output.length++] = pattern | value;
    return;
  }
  bytes[output.length++] = pattern | most;
  let rest = value - most;
  while (rest >= 0x80) {
    bytes[output.length++] = 0x80 | (rest & 0x7f);
    rest >>>= 7;
  }
  bytes[output.length++] = rest;
}
