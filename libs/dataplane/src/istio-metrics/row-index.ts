/** Where requests of a peer went, with their rows by how they ended. */
export interface Target<Row> {
  /** The authority of the request names the service here, where nothing else does. */
  readonly byAuthority: boolean;
  readonly rows: Map<number | string, Row>;
}

/**
 * Finds the series of a request by what its labels depend on, without writing a label: whose certificate the peer
 * showed, where it went, and how it ended. It is a cache: {@link clear} costs the next requests a look at the labels.
 */
export class RowIndex<Row> {
  readonly #limit: number;
  readonly #targets = new Map<string, Map<object | string, Target<Row>>>();
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  target(principal: string, key: object | string): Target<Row> | undefined {
    return this.#targets.get(principal)?.get(key);
  }

  addTarget(principal: string, key: object | string, byAuthority: boolean): Target<Row> {
    this.#grow();
    const target: Target<Row> = { byAuthority, rows: new Map() };
    const known = this.#targets.get(principal);
    if (known === undefined) this.#targets.set(principal, new Map([[key, target]]));
    else known.set(key, target);
    return target;
  }

  addRow(target: Target<Row>, code: number | string, row: Row): void {
    this.#grow();
    target.rows.set(code, row);
  }

  clear(): void {
    this.#targets.clear();
    this.#size = 0;
  }

  #grow(): void {
    if (this.#size >= this.#limit) this.clear();
    this.#size++;
  }
}
