/** What matchers and filters may ask of a request's head. Names are lower case; values as received. */
export interface RequestView {
  readonly method: string;
  /** Path with the query, as received or as rewritten so far. */
  readonly path: string;
  /** Host header or :authority, as received. */
  readonly authority: string;
  readonly scheme: "http" | "https";
  /** The value of a header, several joined by `,`; undefined where absent. */
  header(name: string): string | undefined;
}
