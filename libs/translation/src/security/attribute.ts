import type { Permission, Principal } from "../ir/index.ts";

/** Told of a value that cannot be read: its place in its list, and what is wrong with it. */
export type BadValue = (index: number, message: string) => void;

/** A property of requests or of clients that policies have lists of values for. */
export interface Attribute<T> {
  /** It cannot be seen on a connection that is not known to carry HTTP. */
  readonly httpOnly: boolean;
  /** What must hold for one of the values to hold; undefined where none can be read. */
  readonly read: (values: readonly string[], bad: BadValue) => T | undefined;
}

/** Either of the two sides of a rule. */
export type Side = Permission | Principal;

export function oneOf<T extends Side>(of: readonly T[]): T {
  return { kind: "one", of } as unknown as T; // both sides have it, of themselves
}

export function allOf<T extends Side>(of: readonly T[]): T {
  const any = { kind: "any" } as T; // both sides have it
  return { kind: "all", of: of.length === 0 ? [any] : of } as unknown as T; // as above
}

export function not<T extends Side>(of: T): T {
  return { kind: "not", of } as unknown as T; // as above
}

/** An attribute each value of which is read by itself; `readOne` gives a message where it cannot. */
export function eachValue<T extends Side>(
  readOne: (value: string) => T | string,
  { httpOnly = false }: { readonly httpOnly?: boolean } = {},
): Attribute<T> {
  return {
    httpOnly,
    read: (values, bad) => {
      const read = values.flatMap((value, index) => {
        const one = readOne(value);
        if (typeof one !== "string") return [one];
        bad(index, one);
        return [];
      });
      return read.length === 0 ? undefined : oneOf(read);
    },
  };
}
