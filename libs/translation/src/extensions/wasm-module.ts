import type { WasmPlugin } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import type { WasmModule } from "../ir/index.ts";

/** How a module is run, as WasmPlugins and TrafficExtensions say it. */
export type WasmSettings = Omit<WasmPlugin, "selector" | "targetRef" | "targetRefs" | "phase" | "match">;

const failures = { FAIL_OPEN: "open", FAIL_CLOSE: "closed", FAIL_RELOAD: "reload" } as const;

/** JSON with the names in order, so that equal settings read the same. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function isEmpty(settings: unknown): boolean {
  return settings === null || typeof settings !== "object" || Object.keys(settings).length === 0;
}

/**
 * The module that an object names. Istio's agent reads from the variables how to fetch it, and takes them away.
 * https://istio.io/latest/docs/reference/config/proxy_extensions/wasm-plugin/
 */
export function toWasmModule(
  { namespace, name, version }: Config<unknown>,
  settings: WasmSettings,
): WasmModule {
  const { url, sha256, pluginName, pluginConfig, imagePullPolicy, failStrategy, vmConfig } = settings;
  const env = vmConfig?.env ?? [];
  const policy = imagePullPolicy ?? "UNSPECIFIED_POLICY";
  return {
    name: `${namespace}.${name}`,
    url: url.includes("://") ? url : `oci://${url}`,
    sha256: sha256 ?? "",
    rootId: pluginName ?? "",
    ...(isEmpty(pluginConfig) ? {} : { configuration: toJson(pluginConfig) }),
    variables: {
      ...(policy === "UNSPECIFIED_POLICY" ? {} : { ISTIO_META_WASM_IMAGE_PULL_POLICY: policy }),
      ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: version,
      ...Object.fromEntries(
        env
          .filter(({ valueFrom }) => valueFrom !== "HOST")
          .map((variable) => [variable.name, variable.value ?? ""]),
      ),
    },
    hostVariables: env.filter(({ valueFrom }) => valueFrom === "HOST").map((variable) => variable.name),
    onFailure: failures[failStrategy ?? "FAIL_CLOSE"],
  };
}
