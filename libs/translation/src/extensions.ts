import type { TrafficExtension, TrafficSelector } from "@weft/istio-api";
import { type Config, compareByCreation, type ProxyView } from "@weft/mesh-model";
import type { ExtensionPhase, HttpExtension } from "./ir/index.ts";
import type { ProblemList } from "./problems.ts";
import { configRef } from "./refs.ts";
import { attachedPolicies } from "./security/attachment.ts";

/** Envoy's filter that runs Lua. */
const luaFilter = "envoy.filters.http.lua";

/** Whether a proxy runs Lua: it lists the filter, or it is Istio's own, which may come without a list. */
function runsLua({ node }: ProxyView): boolean {
  return node.extensions?.includes(luaFilter) ?? node.istioVersion !== undefined;
}

function toSelector({ mode, ports }: TrafficSelector): HttpExtension["match"][number] {
  return {
    client: mode !== "SERVER",
    server: mode !== "CLIENT",
    ports: (ports ?? []).map(({ number }) => number),
  };
}

/** Higher priorities first, then the older. */
function compareExtensions(a: Config<TrafficExtension>, b: Config<TrafficExtension>): number {
  return (b.spec.priority ?? 0) - (a.spec.priority ?? 0) || compareByCreation(a, b);
}

/**
 * The Lua that TrafficExtensions put into a proxy's HTTP listeners, in the order it runs within a phase. What a proxy
 * cannot run is left out, and said.
 * https://istio.io/latest/docs/reference/config/proxy_extensions/
 */
export function buildExtensions(view: ProxyView, problems?: ProblemList): readonly HttpExtension[] {
  return [...attachedPolicies<TrafficExtension>(view, "TrafficExtension")]
    .sort(compareExtensions)
    .flatMap((config) => {
      const { spec, namespace, name } = config;
      const report = problems?.for(configRef(config));
      if (spec.lua === undefined) {
        report?.unsupported("spec.wasm", "WebAssembly");
        return [];
      }
      if (!runsLua(view)) {
        report?.warn(
          "unsupported-field",
          "spec.lua",
          `the proxy lacks ${luaFilter}; this has no effect on it`,
        );
        return [];
      }
      const phase: ExtensionPhase = spec.phase ?? "UNSPECIFIED";
      return [
        {
          name: `extensions.istio.io/trafficextension/${namespace}.${name}`,
          phase,
          lua: spec.lua.inlineCode,
          match: (spec.match ?? []).map(toSelector),
        },
      ];
    });
}
