/** One breach of a constraint that Envoy's API declares for a field. */
export interface Violation {
  /** Path in proto field names, as in `virtual_hosts[0].routes[1].match`; empty for the message itself. */
  readonly path: string;
  readonly code: ViolationCode;
  /** What is wrong and what is allowed; no trailing full stop. */
  readonly message: string;
}

/**
 * - `required`: a field, or a choice of a oneof, is missing
 * - `out-of-range`: a number or duration is too small or too large
 * - `length`: a text or bytes are too short or too long
 * - `item-count`: a list or map holds too few or too many
 * - `not-unique`: a list holds an item twice
 * - `pattern`: a text has not the form asked for
 * - `not-allowed`: the value is not among those allowed
 * - `undefined-enum`: the number is no value of the enum
 * - `malformed-any`: the bytes of an Any are no message of its type
 * - `too-deep`: messages are nested deeper than is looked at
 */
export type ViolationCode =
  | "required"
  | "out-of-range"
  | "length"
  | "item-count"
  | "not-unique"
  | "pattern"
  | "not-allowed"
  | "undefined-enum"
  | "malformed-any"
  | "too-deep";

/** What is wrong with one value, before it is known where the value stands. */
export type Finding = Omit<Violation, "path">;

/** Looks at one value; undefined where it is right. */
export type Rule = (value: unknown) => Finding | undefined;
