import { create, fromBinary } from "@bufbuild/protobuf";
import { typeUrls } from "@weft/envoy-api";
import { type NameTable, NameTableSchema } from "@weft/mesh-rpc/istio/networking/nds/v1/nds_pb.js";
import { accept, type OwnSubscription, reject } from "@weft/xds";

/**
 * The agent's own subscription to pilot's table of names. `take` is given each table, and says why where it does not take it. There is
 * one for a workload; where pilot has none, it is empty.
 */
export function nameTableSubscription(take: (table: NameTable) => string | undefined): OwnSubscription {
  let has = false;
  const verdict = (table: NameTable) => {
    const reason = take(table);
    has ||= reason === undefined;
    return reason === undefined ? accept : reject(reason);
  };
  return {
    typeUrl: typeUrls.nameTable,
    onUpdate: ({ changed, removed }) => {
      const [resource] = changed.values();
      // Decoding copies: what is kept is no view of the response. Bytes that are no table throw, which rejects them.
      if (resource !== undefined) return verdict(fromBinary(NameTableSchema, resource.value));
      return has && removed.length === 0 ? accept : verdict(create(NameTableSchema));
    },
  };
}
