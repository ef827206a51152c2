import { fromBinary, type Message } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { type ResourceSet, unpackAny } from "@weft/envoy-api";

/** The messages of one type, by name. The caller knows the type by its URL. */
export function decode<M extends Message>(resources: ResourceSet, typeUrl: string): Map<string, M> {
  return new Map(
    [...resources.ofType(typeUrl)].map(([name, { any }]) => {
      const unpacked = unpackAny(fromBinary(AnySchema, any));
      if (unpacked === undefined) throw new Error(`${name}: a resource of an unknown type`);
      return [name, unpacked.message as M]; // the type URL says which
    }),
  );
}
