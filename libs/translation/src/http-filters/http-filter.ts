import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HttpFilterSchema } from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpConnections, ProxyTraits } from "../ir/index.ts";

/** A filter as it stands in an HTTP connection manager. */
export type EnvoyHttpFilter = MessageInitShape<typeof HttpFilterSchema>;

/** One kind of HTTP filter: it says itself whether a listener needs it, and how often. */
export interface HttpFilterRule {
  readonly name: string;
  /** The filters of this kind for a listener, in order; none where it is not needed. */
  build(http: HttpConnections, traits: ProxyTraits): readonly EnvoyHttpFilter[];
}
