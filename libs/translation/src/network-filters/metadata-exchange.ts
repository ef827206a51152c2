import { TypedStructSchema } from "@weft/envoy-api/udpa/type/v1/typed_struct_pb.js";
import { pack } from "../envoy/any.ts";

/** Name and configuration of the TCP filter with which the proxies of Istio's build tell each other who they are. */
export const tcpMetadataExchange = {
  name: "istio.metadata_exchange",
  typedConfig: pack(TypedStructSchema, {
    typeUrl: "type.googleapis.com/envoy.tcp.metadataexchange.config.MetadataExchange",
    value: { enable_discovery: true, protocol: "istio-peer-exchange" },
  }),
};
