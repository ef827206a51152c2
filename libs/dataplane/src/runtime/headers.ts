/**
 * The headers of one message, in order of arrival, names in lower case. A flat list `[name, value, name, value …]`:
 * messages carry few headers, and a scan over interned names is quicker than a table that must be built.
 */
export class HeaderMap {
  /** Names at even, values at odd places. For codecs; everybody else uses the methods. */
  readonly list: string[];
  /** Names as they came in, by lower-case name; only where a codec is told to preserve case. */
  originalCase: Map<string, string> | undefined = undefined;

  constructor(list: string[] = []) {
    this.list = list;
  }

  /** Number of header lines. */
  get size(): number {
    return this.list.length >> 1;
  }

  /** The value of a header; several lines joined by `,`; undefined where absent. `name` is in lower case. */
  get(name: string): string | undefined {
    const { list } = this;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name) return this.#joined(name, i);
    }
    return undefined;
  }

  #joined(name: string, first: number): string {
    const { list } = this;
    let value = list[first + 1] as string; // values stand at odd places
    for (let i = first + 2; i < list.length; i += 2) {
      if (list[i] === name) value = `${value},${list[i + 1]}`;
    }
    return value;
  }

  /** The first value; undefined where absent. */
  first(name: string): string | undefined {
    const { list } = this;
    for (let i = 0; i < list.length; i += 2) if (list[i] === name) return list[i + 1];
    return undefined;
  }

  has(name: string): boolean {
    const { list } = this;
    for (let i = 0; i < list.length; i += 2) if (list[i] === name) return true;
    return false;
  }

  /** Adds a line, whatever is there already. */
  append(name: string, value: string): void {
    this.list.push(name, value);
  }

  /** Makes `value` the only one, in the place of the first line of that name. */
  set(name: string, value: string): void {
    const { list } = this;
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] !== name) continue;
      list[i + 1] = value;
      this.#removeFrom(name, i + 2);
      return;
    }
    list.push(name, value);
  }

  /** Removes all lines of that name; false where there was none. */
  remove(name: string): boolean {
    return this.#removeFrom(name, 0);
  }

  #removeFrom(name: string, start: number): boolean {
    const { list } = this;
    let to = start;
    while (to < list.length && list[to] !== name) to += 2;
    if (to >= list.length) return false;
    for (let from = to + 2; from < list.length; from += 2) {
      if (list[from] === name) continue;
      list[to] = list[from] as string; // both indexes are in range
      list[to + 1] = list[from + 1] as string;
      to += 2;
    }
    list.length = to;
    return true;
  }

  clone(): HeaderMap {
    const copy = new HeaderMap(this.list.slice());
    copy.originalCase = this.originalCase;
    return copy;
  }

  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    const { list } = this;
    for (let i = 0; i < list.length; i += 2) yield [list[i] as string, list[i + 1] as string];
  }
}
