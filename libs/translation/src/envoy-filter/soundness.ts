import type { Message } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { FilterChain } from "@weft/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { type Listener, ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { HttpConnectionManagerSchema } from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { namesFilter } from "./names.ts";

function ofChain({ filters }: FilterChain): string | undefined {
  for (const [index, filter] of filters.entries()) {
    if (filter.configType.case !== "typedConfig") continue;
    const manager = anyUnpack(filter.configType.value, HttpConnectionManagerSchema);
    if (manager === undefined) continue;
    if (index < filters.length - 1) return `${filter.name} must be the last of the network filters`;
    const names = manager.httpFilters.map(({ name }) => name);
    const routers = names.filter((name) => namesFilter("envoy.filters.http.router", name));
    if (routers.length !== 1 || routers[0] !== names.at(-1))
      return "envoy.filters.http.router must be there once, as the last of the HTTP filters";
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined) return `there are two HTTP filters with the name ${twice}`;
  }
  return undefined;
}

/** What Envoy would refuse of a message beyond the constraints declared in its API: a listener without an end. */
export function soundness(message: Message): string | undefined {
  if (message.$typeName !== ListenerSchema.typeName) return undefined;
  const { filterChains, defaultFilterChain } = message as Listener; // by its type name
  for (const chain of [...filterChains, ...(defaultFilterChain ? [defaultFilterChain] : [])]) {
    const reason = ofChain(chain);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
