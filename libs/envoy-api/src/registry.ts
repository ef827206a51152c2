import type { DescMessage } from "@bufbuild/protobuf";
import {
  AnySchema,
  BoolValueSchema,
  BytesValueSchema,
  DoubleValueSchema,
  DurationSchema,
  EmptySchema,
  FieldMaskSchema,
  FloatValueSchema,
  Int32ValueSchema,
  Int64ValueSchema,
  ListValueSchema,
  StringValueSchema,
  StructSchema,
  TimestampSchema,
  UInt32ValueSchema,
  UInt64ValueSchema,
  ValueSchema,
} from "@bufbuild/protobuf/wkt";
import generatedTypes from "../gen/types.cjs";

/** Message types by name: what a `google.protobuf.Any` is resolved with. */
export interface TypeRegistry {
  /** The descriptor of a message type, as in `envoy.config.cluster.v3.Cluster`; undefined where unknown. */
  getMessage(typeName: string): DescMessage | undefined;
}

/** Makes a registry of these types and nothing else, for a process that accepts only what it implements. */
export function createTypeRegistry(...types: readonly DescMessage[]): TypeRegistry {
  const byName = new Map(types.map((type) => [type.typeName, type]));
  return { getMessage: (typeName) => byName.get(typeName) };
}

const wellKnownTypes = createTypeRegistry(
  AnySchema,
  BoolValueSchema,
  BytesValueSchema,
  DoubleValueSchema,
  DurationSchema,
  EmptySchema,
  FieldMaskSchema,
  FloatValueSchema,
  Int32ValueSchema,
  Int64ValueSchema,
  ListValueSchema,
  StringValueSchema,
  StructSchema,
  TimestampSchema,
  UInt32ValueSchema,
  UInt64ValueSchema,
  ValueSchema,
);

/**
 * Every message type of this package, and the well-known ones of protobuf. A type's file is loaded when the type is
 * first asked for: all of them take half a second, the types of one proxy's config a fifth of that.
 */
export const envoyRegistry: TypeRegistry = {
  getMessage: (typeName) =>
    Object.hasOwn(generatedTypes, typeName)
      ? generatedTypes[typeName]?.()
      : wellKnownTypes.getMessage(typeName),
};

/** The names of every message type in {@link envoyRegistry} that comes from Envoy's API, without loading any. */
export const envoyTypeNames: readonly string[] = Object.keys(generatedTypes);
