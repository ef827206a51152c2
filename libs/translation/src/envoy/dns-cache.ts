import { create } from "@bufbuild/protobuf";
import { Cluster_DnsLookupFamily } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import {
  type DnsCacheConfig,
  DnsCacheConfigSchema,
} from "@weft/envoy-api/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.js";
import type { DnsCache } from "../ir/index.ts";
import { toDuration } from "./scalars.ts";

/** Envoy's word for the addresses that DNS is asked for. */
export function toLookupFamily(family: DnsCache["family"]): Cluster_DnsLookupFamily {
  return family === "v4" ? Cluster_DnsLookupFamily.V4_ONLY : Cluster_DnsLookupFamily.V6_ONLY;
}

/** Envoy's DNS cache: the same name must come with the same settings wherever it stands. */
export function toDnsCache({ name, family, refreshMs }: DnsCache): DnsCacheConfig {
  return create(DnsCacheConfigSchema, {
    name,
    dnsLookupFamily: toLookupFamily(family),
    dnsRefreshRate: toDuration(refreshMs),
  });
}
