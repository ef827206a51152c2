import { FilterConfigSchema } from "@weft/envoy-api/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.js";
import { pack } from "../envoy/any.ts";
import { toDnsCache } from "../envoy/dns-cache.ts";
import type { HttpFilterRule } from "./http-filter.ts";

const name = "envoy.filters.http.dynamic_forward_proxy";

/** Looks up the hosts of requests that go where DNS says; requests to other backends pass it untouched. */
export const dynamicForwardProxy: HttpFilterRule = {
  name,
  build: (http) =>
    (http.dnsCaches ?? []).map((cache) => ({
      name,
      configType: {
        case: "typedConfig",
        value: pack(FilterConfigSchema, {
          implementationSpecifier: { case: "dnsCacheConfig", value: toDnsCache(cache) },
        }),
      },
    })),
};
