import { type DescMessage, isFieldSet, type MessageShape } from "@bufbuild/protobuf";

/** The fields that a rules message sets, for its type (proto2) reads as its defaults where it sets none. */
export function givenFields<Desc extends DescMessage>(
  schema: Desc,
  rules: MessageShape<Desc>,
): Partial<MessageShape<Desc>> {
  const given: Record<string, unknown> = {};
  for (const field of schema.fields) {
    if (!isFieldSet(rules, field)) continue;
    const slot = (field.oneof ?? field).localName;
    given[slot] = (rules as unknown as Record<string, unknown>)[slot];
  }
  return given as Partial<MessageShape<Desc>>;
}

/**
 * The rules that this checker knows, as the compiler's input names them. One it does not know is a bug, not a rule
 * to pass over: compiling fails, and the spec compiles every type there is.
 */
export function refuseOthers(given: object, known: readonly string[], what: string): void {
  const others = Object.keys(given).filter((name) => !known.includes(name));
  if (others.length > 0) throw new Error(`${what}: no check for the rule ${others.join(", ")}`);
}
