import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FilterSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { discoveryOf, extensionsIn, toDenial } from "../extensions/to-envoy.ts";
import type { ExtensionPhase, NetworkFilter, ProxyTraits } from "../ir/index.ts";

/** The code that users put into a chain to look at bytes, of some phases. */
export function networkExtensions(
  filter: NetworkFilter,
  { extensions }: ProxyTraits,
  ...phases: readonly ExtensionPhase[]
): MessageInitShape<typeof FilterSchema>[] {
  return extensionsIn(filter, extensions, "network", phases).map(({ name, code }) => ({
    name,
    configType:
      code.kind === "wasm"
        ? { case: "configDiscovery", value: discoveryOf("network") }
        : { case: "typedConfig", value: toDenial("network") },
  }));
}
