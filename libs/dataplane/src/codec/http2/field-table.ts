/** https://www.rfc-editor.org/rfc/rfc7541#appendix-A */
const staticText = `:authority
:method=GET
:method=POST
:path=/
:path=/index.html
:scheme=http
:scheme=https
:status=200
:status=204
:status=206
:status=304
:status=400
:status=404
:status=500
accept-charset
accept-encoding=gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`;

/** The fields that everybody knows; the first has index 1. */
export const staticFields: readonly (readonly [name: string, value: string])[] = staticText
  .split("\n")
  .map((line) => {
    const equals = line.indexOf("=");
    return equals < 0 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
  });

/** What a field takes up in a table beside its bytes. https://www.rfc-editor.org/rfc/rfc7541#section-4.1 */
export const fieldOverhead = 32;

/** The fields that a connection has shown lately, newest first, up to a size in bytes. */
export class FieldTable {
  readonly #names: string[] = [];
  readonly #values: string[] = [];
  readonly #good: boolean[] = [];
  /** Place of the oldest entry in the lists, which are cut now and then. */
  #oldest = 0;
  #size = 0;
  #maxSize: number;

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  get length(): number {
    return this.#names.length - this.#oldest;
  }

  /** Entries that were ever added, less those there are: `added` never falls. */
  get added(): number {
    return this.#names.length + this.#dropped;
  }
  #dropped = 0;

  get maxSize(): number {
    return this.#maxSize;
  }

  resize(maxSize: number): void {
    this.#maxSize = maxSize;
    this.#evict(0);
  }

  /** `index` 0 is the newest. */
  name(index: number): string {
    return this.#names[this.#names.length - 1 - index] as string; // callers check the index
  }
  value(index: number): string {
    return this.#values[this.#values.length - 1 - index] as string; // callers check the index
  }
  /** False where the field must not be in a message. */
  good(index: number): boolean {
    return this.#good[this.#good.length - 1 - index] as boolean; // callers check the index
  }

  /** Adds a field, at the cost of older ones; false where it is larger than the table, which is then empty. */
  add(name: string, value: string, good = true): boolean {
    const size = name.length + value.length + fieldOverhead;
    this.#evict(size);
    if (size > this.#maxSize) return false;
    this.#names.push(name);
    this.#values.push(value);
    this.#good.push(good);
    this.#size += size;
    return true;
  }

  #evict(room: number): void {
    while (this.#size + room > this.#maxSize && this.length > 0) {
      const at = this.#oldest++;
      this.#size -= (this.#names[at]?.length ?? 0) + (this.#values[at]?.length ?? 0) + fieldOverhead;
    }
    // Cut off what is gone once it is most of the lists.
    if (this.#oldest < 64 || this.#oldest * 2 < this.#names.length) return;
    this.#dropped += this.#oldest;
    for (const list of [this.#names, this.#values, this.#good]) list.splice(0, this.#oldest);
    this.#oldest = 0;
  }
}
