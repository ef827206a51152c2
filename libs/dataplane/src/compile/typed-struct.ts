import type { JsonObject, Message } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import { typeNameOf } from "@weft/envoy-api";
import { TypedStructSchema as UdpaTypedStructSchema } from "@weft/envoy-api/udpa/type/v1/typed_struct_pb.js";
import { TypedStructSchema } from "@weft/envoy-api/xds/type/v3/typed_struct_pb.js";

/**
 * The type that a TypedStruct stands for; undefined where an Any is none.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/extension.proto
 */
export function structTypeOf(any: Any): string | undefined {
  try {
    const struct = anyUnpack(any, TypedStructSchema) ?? anyUnpack(any, UdpaTypedStructSchema);
    return struct && typeNameOf(struct.typeUrl);
  } catch {
    // What cannot be read stands for nothing: whoever unpacks it says what is wrong.
    return undefined;
  }
}

/** What stands in a message that {@link structTypeOf} has found to be a TypedStruct. */
export function structValueOf(message: Message): JsonObject {
  return (message as Message & { readonly value?: JsonObject }).value ?? {}; // both kinds have it
}
