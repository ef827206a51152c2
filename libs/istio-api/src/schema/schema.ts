/**
 * A small schema language: one definition of a message gives its TypeScript type ({@link Infer}), its structural
 * validation and the list of what is allowed, which error messages quote. The fields are those of Istio's CRDs.
 */

/** What a value of the API may be. `Type` exists only at compile time; see {@link Infer}. */
export interface Schema<Type = unknown> {
  readonly rule: Rule;
  /** What an API server needs to be told beside the rule, which it cannot read: see {@link inCrd}. */
  readonly crd?: CrdRules;
  /** Never set: carries the inferred type. */
  readonly inferred?: Type;
}

/** A schema whose field must be present. */
export interface RequiredSchema<Type = unknown> extends Schema<Type> {
  readonly required: true;
}

/** What a CustomResourceDefinition says of a value beyond what follows from its rule. */
export interface CrdRules {
  /** Keywords of OpenAPI, over those that follow from the rule; undefined takes one away. */
  readonly keywords?: Readonly<Record<string, unknown>>;
  /** Rules in CEL. The messages are Istio's, as people and tools look for them. */
  readonly validations?: readonly CelRule[];
}

/** https://kubernetes.io/docs/reference/using-api/cel/ */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
}

/** The fields of a message, by name. */
export type Fields = Readonly<Record<string, Schema>>;

/** What validation looks at. `check` returns what is wrong with a value of the right type, or undefined. */
export type Rule =
  | {
      readonly kind: "string";
      readonly minLength: number;
      readonly maxLength: number;
      readonly check?: Check<string>;
    }
  | { readonly kind: "enum"; readonly values: readonly string[] }
  | { readonly kind: "number"; readonly integer: boolean; readonly min: number; readonly max: number }
  | { readonly kind: "integerOrString" }
  | { readonly kind: "boolean" }
  | { readonly kind: "any" }
  | {
      readonly kind: "list";
      readonly item: Schema;
      readonly minItems: number;
      readonly maxItems: number;
      /** Fields of the items of which each value may stand only once. */
      readonly unique: readonly string[];
    }
  | { readonly kind: "map"; readonly value: Schema; readonly checkKey?: Check<string> }
  | {
      readonly kind: "object";
      readonly fields: Fields;
      /** Other fields are allowed and ignored. */
      readonly open: boolean;
      /** Groups of fields of which at most one may be set (protobuf oneofs). */
      readonly oneOf: readonly (readonly string[])[];
      readonly check?: Check<Readonly<Record<string, unknown>>>;
    };

/** Says what is wrong with a value and what is allowed, or nothing. */
export type Check<T> = (value: T) => string | undefined;

/** The TypeScript type a schema describes. */
export type Infer<S> = S extends Schema<infer Type> ? Type : never;

type RequiredKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends RequiredSchema ? K : never;
}[keyof F];
type Flatten<T> = { [K in keyof T]: T[K] };
type ObjectOf<F extends Fields> = Flatten<
  { readonly [K in RequiredKeys<F>]: Infer<F[K]> } & {
    readonly [K in Exclude<keyof F, RequiredKeys<F>>]?: Infer<F[K]>;
  }
>;

/** Any string, or those that `check` finds nothing wrong with. */
export function string(check?: Check<string>): Schema<string> {
  const rule = { kind: "string" as const, minLength: 0, maxLength: Infinity };
  return { rule: check ? { ...rule, check } : rule };
}

/** A string of at least one character and at most `maxLength`. */
export function nonEmptyString(maxLength = Infinity): Schema<string> {
  return { rule: { kind: "string", minLength: 1, maxLength } };
}

/** A string that matches `pattern`; `allowed` says so in words. */
export function pattern(regex: RegExp, allowed: string): Schema<string> {
  const schema = string((value) => (regex.test(value) ? undefined : `"${value}" is not ${allowed}`));
  return inCrd(schema, { keywords: { pattern: regex.source } });
}

/** One of the listed words. */
export function oneOfWords<const V extends readonly string[]>(...values: V): Schema<V[number]> {
  return { rule: { kind: "enum", values } };
}

/** A 32-bit integer, by default any; bounds are inclusive. */
export function integer(min = -2147483648, max = 2147483647): Schema<number> {
  return { rule: { kind: "number", integer: true, min, max } };
}

/** An unsigned 32-bit integer. */
export function unsigned(max = 4294967295): Schema<number> {
  return integer(0, max);
}

/** A floating point number; bounds are inclusive. */
export function double(min = -Infinity, max = Infinity): Schema<number> {
  return { rule: { kind: "number", integer: false, min, max } };
}

/** True or false. */
export function boolean(): Schema<boolean> {
  return { rule: { kind: "boolean" } };
}

/** Anything: a google.protobuf.Struct, kept as it is. */
export function anything(): Schema<unknown> {
  return { rule: { kind: "any" } };
}

/** How many items a list may have, and which of their fields must differ. */
export interface ListRules {
  /** Default: 0. */
  readonly min?: number;
  /** Default: no bound. */
  readonly max?: number;
  /** Fields of which each value may stand only once. */
  readonly unique?: readonly string[];
}

/** A list. */
export function list<T>(item: Schema<T>, rules: ListRules = {}): Schema<readonly T[]> {
  const { min = 0, max = Infinity, unique = [] } = rules;
  return { rule: { kind: "list", item, minItems: min, maxItems: max, unique } };
}

/** A map from strings; `checkKey` looks at each key. */
export function map<T>(value: Schema<T>, checkKey?: Check<string>): Schema<Readonly<Record<string, T>>> {
  return { rule: checkKey ? { kind: "map", value, checkKey } : { kind: "map", value } };
}

/** A message with just these fields. */
export function message<F extends Fields>(
  fields: F,
  rules: {
    readonly oneOf?: readonly (readonly (keyof F & string)[])[];
    readonly check?: Check<Readonly<Record<string, unknown>>>;
  } = {},
): Schema<ObjectOf<F>> {
  const oneOf = rules.oneOf ?? [];
  return {
    rule: rules.check
      ? { kind: "object", fields, open: false, oneOf, check: rules.check }
      : { kind: "object", fields, open: false, oneOf },
  };
}

/** A message of which only these fields are read; others are allowed. */
export function openMessage<F extends Fields>(fields: F): Schema<ObjectOf<F>> {
  return { rule: { kind: "object", fields, open: true, oneOf: [] } };
}

/** Marks a field that must be present. */
export function required<T>(schema: Schema<T>): RequiredSchema<T> {
  return { ...schema, required: true };
}

/** The same schema, with what a `check`, which is a function, means in a CustomResourceDefinition. */
export function inCrd<T>(schema: Schema<T>, { keywords, validations }: CrdRules): Schema<T> {
  return {
    ...schema,
    crd: {
      keywords: { ...schema.crd?.keywords, ...keywords },
      validations: [...(schema.crd?.validations ?? []), ...(validations ?? [])],
    },
  };
}
