import type { ClusterSet } from "../../../runtime/cluster.ts";
import type { HttpFilter } from "../../../runtime/http-filter.ts";
import type { StreamFormatter } from "../../../runtime/stream-info.ts";

/** Says what the handshake of this request's upstream connection offers: names with `,` between. */
export interface OfferedProtocolsRule {
  readonly format: StreamFormatter;
  /** An empty text changes nothing. */
  readonly skipIfEmpty: boolean;
}

/** https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/set_filter_state */
export function createSetFilterState(
  name: string,
  rules: readonly OfferedProtocolsRule[],
  clusters: ClusterSet,
): HttpFilter {
  return {
    name,
    open: ({ info }) => ({
      onRequest() {
        // Formats may ask for it, and the router is yet to come.
        const cluster = info.clusterChoice && clusters.get(info.clusterChoice.cluster);
        info.upstreamClusterMetadata = cluster?.metadata;
        for (const { format, skipIfEmpty } of rules) {
          const text = format(info);
          if (text === "" && skipIfEmpty) continue;
          info.upstreamApplicationProtocols = text.split(",");
        }
        return "continue";
      },
    }),
  };
}
