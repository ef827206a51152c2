/** What a matcher asks of a request's head. Anything with this shape will do; the proxy's request has it. */
export interface RequestView {
  readonly method: string;
  /** Path with the query. */
  readonly path: string;
  /** Host header or :authority, as received. */
  readonly authority: string;
  /** A header's value by lower-case name, pseudo headers (`:method`) too; several values joined by `,`. */
  header(name: string): string | undefined;
  /** What a filter has noted of the request; absent where none has noted anything. */
  metadata?(filter: string): unknown;
}
