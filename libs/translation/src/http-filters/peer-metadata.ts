import { TypedStructSchema } from "@weft/envoy-api/udpa/type/v1/typed_struct_pb.js";
import { pack } from "../envoy/any.ts";
import type { HttpFilterRule } from "./http-filter.ts";

const typeUrl = "type.googleapis.com/io.istio.http.peer_metadata.Config";
const both = [{ istio_headers: {} }, { workload_discovery: {} }];
const headers = [{ istio_headers: {} }];

const inbound = pack(TypedStructSchema, {
  typeUrl,
  value: { downstream_discovery: both, downstream_propagation: headers },
});
const outbound = pack(TypedStructSchema, {
  typeUrl,
  value: { upstream_discovery: both, upstream_propagation: headers },
});

/** Tells the peers who they are, by headers; only in Istio's build of Envoy. */
export const peerMetadata: HttpFilterRule = {
  name: "istio.metadata_exchange",
  build: (http, { istioExtensions }) =>
    istioExtensions
      ? [
          {
            name: "istio.metadata_exchange",
            configType: { case: "typedConfig", value: http.direction === "inbound" ? inbound : outbound },
          },
        ]
      : [],
};
