import type {
  FilterConfig,
  PerRouteConfig,
} from "@weft/envoy-api/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.js";
import { compileDnsCache } from "../../../compile/dns-cache.ts";
import type { HttpFilterFactory } from "../../../compile/environment.ts";
import type { RequestView } from "../../../runtime/request.ts";
import { createDynamicForwardProxy, type HostRewrite } from "./filter.ts";

const type = "envoy.extensions.filters.http.dynamic_forward_proxy.v3";

/** `envoy.filters.http.dynamic_forward_proxy`, with a cache; sub clusters are not made. */
export const dynamicForwardProxy: HttpFilterFactory = {
  name: "envoy.filters.http.dynamic_forward_proxy",
  configTypes: [`${type}.FilterConfig`],
  routeConfigTypes: [`${type}.PerRouteConfig`],
  compile(message, { name, path, problems, environment }) {
    const { implementationSpecifier: specifier } = message as FilterConfig; // the registry goes by its type name
    const config = specifier.case === "dnsCacheConfig" ? specifier.value : undefined;
    const cache = compileDnsCache(config, `${path}.dns_cache_config`, environment.dnsCaches, problems);
    return cache && createDynamicForwardProxy(name, cache, environment.clusters);
  },
  compileRoute(message): HostRewrite | undefined {
    const { hostRewriteSpecifier: specifier } = message as PerRouteConfig; // likewise
    switch (specifier.case) {
      case "hostRewriteLiteral":
        return () => specifier.value;
      case "hostRewriteHeader": {
        const header = specifier.value.toLowerCase();
        return (request: RequestView) => request.header(header);
      }
      default:
        return undefined;
    }
  },
};
