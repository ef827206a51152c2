import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { AsyncDataSourceSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type { ExtensionConfigSourceSchema } from "@weft/envoy-api/envoy/config/core/v3/config_source_pb.js";
import {
  type TypedExtensionConfig,
  TypedExtensionConfigSchema,
} from "@weft/envoy-api/envoy/config/core/v3/extension_pb.js";
import { RBACSchema } from "@weft/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { WasmSchema } from "@weft/envoy-api/envoy/extensions/filters/http/wasm/v3/wasm_pb.js";
import { RBACSchema as NetworkRbacSchema } from "@weft/envoy-api/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import { WasmSchema as NetworkWasmSchema } from "@weft/envoy-api/envoy/extensions/filters/network/wasm/v3/wasm_pb.js";
import { type PluginConfig, PluginConfigSchema } from "@weft/envoy-api/envoy/extensions/wasm/v3/wasm_pb.js";
import { pack } from "../envoy/any.ts";
import { ads } from "../envoy/config-source.ts";
import { toDuration } from "../envoy/scalars.ts";
import type { Extension, ExtensionPhase, HttpConnections, TcpForward, WasmModule } from "../ir/index.ts";
import { toRbac } from "../security/rbac.ts";

/** PluginConfig.failure_policy: FAIL_RELOAD, written by hand because it is newer than the messages at hand. */
const failReload = { no: 7, wireType: WireType.Varint, data: Uint8Array.of(1) };

/** What Istio's agent takes for no hash: an empty one is not valid. */
const noHash = "nil";

/** How long a module may take to come. */
const fetchTimeoutMs = 30_000;

function toSource({ url, sha256 }: WasmModule): MessageInitShape<typeof AsyncDataSourceSchema> {
  if (/^file:/i.test(url)) {
    const filename = url.slice("file://".length);
    return {
      specifier: { case: "local", value: { specifier: { case: "filename", value: filename } } },
    };
  }
  return {
    specifier: {
      case: "remote",
      value: {
        // The agent fetches it before Envoy sees this, so that no cluster is needed.
        httpUri: {
          uri: url,
          timeout: toDuration(fetchTimeoutMs),
          httpUpstreamType: { case: "cluster", value: "_" },
        },
        sha256: sha256 || noHash,
      },
    },
  };
}

function toPlugin(module: WasmModule): PluginConfig {
  const plugin = create(PluginConfigSchema, {
    name: module.name,
    rootId: module.rootId,
    ...(module.configuration === undefined
      ? {}
      : { configuration: pack(StringValueSchema, { value: module.configuration }) }),
    vm: {
      case: "vmConfig",
      value: {
        runtime: "envoy.wasm.runtime.v8",
        code: toSource(module),
        environmentVariables: { keyValues: module.variables, hostEnvKeys: [...module.hostVariables] },
      },
    },
    failOpen: module.onFailure === "open",
  });
  if (module.onFailure === "reload") plugin.$unknown = [failReload];
  return plugin;
}

/** An extension that proxies ask for by its name, as a resource; undefined for those that stand in listeners. */
export function toExtensionConfig({ name, layer, code }: Extension): TypedExtensionConfig | undefined {
  if (code.kind !== "wasm") return undefined;
  const config = toPlugin(code.module);
  return create(TypedExtensionConfigSchema, {
    name,
    typedConfig: layer === "http" ? pack(WasmSchema, { config }) : pack(NetworkWasmSchema, { config }),
  });
}

/** Where the configuration of an extension comes from: Istio's agent answers with a refusal where it could not fetch a module. */
export function discoveryOf(layer: Extension["layer"]): MessageInitShape<typeof ExtensionConfigSourceSchema> {
  return {
    configSource: ads,
    typeUrls: ["wasm", "rbac"].map((filter) => {
      const message = filter === "wasm" ? "Wasm" : "RBAC";
      return `type.googleapis.com/envoy.extensions.filters.${layer}.${filter}.v3.${message}`;
    }),
  };
}

/** Envoy's filter that nothing passes. */
export function toDenial(layer: Extension["layer"]) {
  const rules = toRbac({ action: "ALLOW", rules: [] });
  return layer === "http"
    ? pack(RBACSchema, rules)
    : pack(NetworkRbacSchema, { ...rules, statPrefix: "tcp." });
}

/** The extensions of some phases that run in a place, in the order of the phases. */
export function extensionsIn(
  { direction, port }: Pick<HttpConnections | TcpForward, "direction" | "port">,
  extensions: readonly Extension[],
  layer: Extension["layer"],
  phases: readonly ExtensionPhase[],
): readonly Extension[] {
  const runs = ({ match }: Extension) =>
    match.length === 0 ||
    match.some(
      ({ client, server, ports }) =>
        (direction === "inbound" ? server : client) &&
        (ports.length === 0 || (port !== undefined && ports.includes(port))),
    );
  return phases.flatMap((phase) =>
    extensions.filter((one) => one.layer === layer && one.phase === phase && runs(one)),
  );
}
