import { type DescMessage, fromBinary, type Message, type MessageShape } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { envoyRegistry, type TypeRegistry } from "./registry.ts";

/** Packs a message: type URL `type.googleapis.com/<type name>` and its encoded bytes. */
export function packAny<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Any {
  return anyPack(schema, message);
}

/** The type name that a type URL ends with: what stands after its last slash. */
export function typeNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

/** A message that came out of an Any, with its type. */
export interface Unpacked {
  readonly schema: DescMessage;
  readonly message: Message;
}

/**
 * Unpacks an Any of whatever type the registry knows; undefined where it does not know the type.
 * To unpack one expected type use `anyUnpack(any, schema)` of `@bufbuild/protobuf/wkt`.
 * @throws where the bytes are no message of the type
 */
export function unpackAny(any: Any, registry: TypeRegistry = envoyRegistry): Unpacked | undefined {
  const schema = registry.getMessage(typeNameOf(any.typeUrl));
  return schema && { schema, message: fromBinary(schema, any.value) };
}
