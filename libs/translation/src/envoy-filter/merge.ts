import { clone, type DescMessage, fromBinary, isFieldSet, type Message, toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { envoyRegistry, typeNameOf } from "@weft/envoy-api";

/** What a merge does with lists: put the source's items after the target's, or in their place. */
export type ListMerge = "append" | "replace";

type Slots = Record<string, unknown>;
type Oneof = { readonly case?: string; readonly value?: unknown };

function isMergedByField(schema: DescMessage | undefined): schema is DescMessage {
  return schema !== undefined && !schema.typeName.startsWith("google.protobuf.");
}

/**
 * Merges a message into another of its type, as protobuf does: what is set in the source replaces, messages are merged,
 * lists are joined, entries of maps replaced by key. Durations, wrappers and Any are values: they are replaced, as in
 * Istio. The source's own objects become part of the target.
 */
function mergeInto(schema: DescMessage, target: Message, source: Message, lists: ListMerge): void {
  const to = target as unknown as Slots;
  const from = source as unknown as Slots;
  for (const field of schema.fields) {
    if (!isFieldSet(source, field)) continue;
    if (field.oneof !== undefined) {
      const slot = field.oneof.localName;
      const own = to[slot] as Oneof;
      const given = from[slot] as Oneof;
      if (own.case === given.case && isMergedByField(field.message))
        mergeInto(field.message, own.value as Message, given.value as Message, lists);
      else to[slot] = given;
      continue;
    }
    const own = to[field.localName];
    const given = from[field.localName];
    if (field.fieldKind === "list")
      to[field.localName] = lists === "append" ? [...(own as unknown[]), ...(given as unknown[])] : given;
    else if (field.fieldKind === "map" || field.message?.typeName === "google.protobuf.Struct")
      to[field.localName] = { ...(own as object | undefined), ...(given as object) };
    else if (own !== undefined && isMergedByField(field.message))
      mergeInto(field.message, own as Message, given as Message, lists);
    else to[field.localName] = given;
  }
}

/** The target with the source merged in; neither is changed. */
export function merged<M extends Message>(
  schema: DescMessage,
  target: M,
  source: Message,
  lists: ListMerge = "append",
): M {
  const result = clone(schema, target);
  mergeInto(schema, result, clone(schema, source), lists);
  return result as M;
}

/** What two configurations of one extension come to. @throws where they are of different types, or of an unknown one */
export function mergedAny(target: Any, source: Any): Any {
  const name = typeNameOf(source.typeUrl);
  if (typeNameOf(target.typeUrl) !== name)
    throw new Error(
      `a typed_config of type ${name} cannot be merged into one of type ${typeNameOf(target.typeUrl)}`,
    );
  const schema = envoyRegistry.getMessage(name);
  if (schema === undefined) throw new Error(`a typed_config of the unknown type ${name} cannot be merged`);
  const value = merged(schema, fromBinary(schema, target.value), fromBinary(schema, source.value));
  return { ...target, value: toBinary(schema, value) };
}
