import { Cluster_DnsLookupFamily } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import type { DnsFamily } from "../runtime/cluster-config.ts";

/** Which addresses of a name are wanted. */
export function familyOf(family: Cluster_DnsLookupFamily): DnsFamily {
  switch (family) {
    case Cluster_DnsLookupFamily.V4_ONLY:
      return "v4";
    case Cluster_DnsLookupFamily.V6_ONLY:
      return "v6";
    case Cluster_DnsLookupFamily.ALL:
      return "all";
    case Cluster_DnsLookupFamily.V4_PREFERRED:
      return "v4-preferred";
    case Cluster_DnsLookupFamily.AUTO:
      return "auto";
  }
}
