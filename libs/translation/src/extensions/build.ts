import type { TrafficExtension, TrafficSelector, WasmPlugin } from "@weft/istio-api";
import { type Config, compareByCreation, type ProxyView } from "@weft/mesh-model";
import type { Extension, ExtensionCode, ExtensionPhase } from "../ir/index.ts";
import type { ProblemList, Reporter } from "../problems.ts";
import { configRef } from "../refs.ts";
import { attachedPolicies } from "../security/attachment.ts";
import { missingOf } from "./listed.ts";
import { toWasmModule, type WasmSettings } from "./wasm-module.ts";

/** Envoy's filter that runs Lua. */
const luaFilter = "envoy.filters.http.lua";

/** Envoy's filters that run WebAssembly, by what they look at. */
const wasmFilters = { http: "envoy.filters.http.wasm", network: "envoy.filters.network.wasm" } as const;

/** An object that asks for an extension, whatever its kind. */
interface Request {
  readonly config: Config<unknown>;
  readonly name: string;
  readonly priority: number;
  readonly phase: ExtensionPhase;
  readonly match: readonly TrafficSelector[];
  /** Path of what is to run. */
  readonly path: string;
  readonly wasm?: WasmSettings;
  readonly lua?: string;
}

function fromTrafficExtension(config: Config<TrafficExtension>): Request {
  const { phase, priority, match, wasm, lua } = config.spec;
  return {
    config,
    name: `extensions.istio.io/trafficextension/${config.namespace}.${config.name}`,
    priority: priority ?? 0,
    phase: phase ?? "UNSPECIFIED",
    match: match ?? [],
    ...(wasm ? { wasm, path: "spec.wasm" } : { lua: lua?.inlineCode ?? "", path: "spec.lua" }),
  };
}

function fromWasmPlugin(config: Config<WasmPlugin>): Request {
  const { phase = "UNSPECIFIED_PHASE", priority, match } = config.spec;
  return {
    config,
    name: `extensions.istio.io/wasmplugin/${config.namespace}.${config.name}`,
    priority: priority ?? 0,
    phase: phase === "UNSPECIFIED_PHASE" ? "UNSPECIFIED" : phase,
    match: match ?? [],
    wasm: config.spec,
    path: "spec",
  };
}

function toSelector({ mode, ports }: TrafficSelector): Extension["match"][number] {
  return {
    client: mode !== "SERVER",
    server: mode !== "CLIENT",
    ports: (ports ?? []).map(({ number }) => number),
  };
}

/** Higher priorities first, then the older. */
function compareRequests(a: Request, b: Request): number {
  return b.priority - a.priority || compareByCreation(a.config, b.config);
}

/** Why a proxy cannot run what is asked for; undefined where it can. */
function obstacle(view: ProxyView, { wasm }: Request, layer: Extension["layer"]): string | undefined {
  const [lacking] = missingOf(view, [wasm ? wasmFilters[layer] : luaFilter]);
  if (lacking !== undefined) return `the proxy lacks ${lacking}`;
  // Istio's agent fetches modules for its Envoy, which could not by itself.
  const fetched = wasm && !/^file:/i.test(wasm.url);
  return fetched && view.node.istioVersion === undefined
    ? "the proxy's agent fetches no modules; allowed are such of scheme file"
    : undefined;
}

/**
 * What runs where the code cannot. Before policies an extension may decide who gets in: without it nobody does, unless its
 * failStrategy says otherwise. Later ones are left out.
 */
function instead({ phase, wasm, path }: Request, why: string, report?: Reporter): ExtensionCode | undefined {
  const decides = phase === "AUTHN" || phase === "AUTHZ";
  const deny = decides && wasm?.failStrategy !== "FAIL_OPEN";
  report?.warn(
    "unsupported-field",
    path,
    deny ? `${why}; it denies all that this would have to decide on` : `${why}; this has no effect on it`,
  );
  return deny ? { kind: "deny" } : undefined;
}

function codeOf(
  view: ProxyView,
  request: Request,
  layer: Extension["layer"],
  report?: Reporter,
): ExtensionCode | undefined {
  const why = obstacle(view, request, layer);
  if (why !== undefined) return instead(request, why, report);
  const { config, wasm, lua = "", path } = request;
  if (wasm === undefined) return { kind: "lua", source: lua };
  if (wasm.imagePullSecret)
    report?.warn(
      "unsupported-field",
      `${path}.imagePullSecret`,
      "imagePullSecret is not supported: the image is fetched without it",
    );
  return { kind: "wasm", module: toWasmModule(config, wasm) };
}

/**
 * What TrafficExtensions and WasmPlugins put into a proxy's listeners, in the order it runs within a phase. What a proxy
 * cannot run is left out or denies, and is said.
 * https://istio.io/latest/docs/reference/config/proxy_extensions/
 */
export function buildExtensions(view: ProxyView, problems?: ProblemList): readonly Extension[] {
  return [
    ...attachedPolicies<TrafficExtension>(view, "TrafficExtension").map(fromTrafficExtension),
    ...attachedPolicies<WasmPlugin>(view, "WasmPlugin").map(fromWasmPlugin),
  ]
    .sort(compareRequests)
    .flatMap((request) => {
      const { name, phase, match, wasm } = request;
      const origin = configRef(request.config);
      const layer = wasm?.type === "NETWORK" ? "network" : "http";
      const code = codeOf(view, request, layer, problems?.for(origin));
      return code ? [{ name, layer, phase, code, match: match.map(toSelector), origin }] : [];
    });
}
