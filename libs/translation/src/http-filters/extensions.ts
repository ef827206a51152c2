import { LuaSchema } from "@weft/envoy-api/envoy/extensions/filters/http/lua/v3/lua_pb.js";
import { pack } from "../envoy/any.ts";
import { discoveryOf, extensionsIn, toDenial } from "../extensions/to-envoy.ts";
import type { ExtensionCode, ExtensionPhase } from "../ir/index.ts";
import type { EnvoyHttpFilter, HttpFilterRule } from "./http-filter.ts";

function configOf(code: ExtensionCode): NonNullable<EnvoyHttpFilter["configType"]> {
  switch (code.kind) {
    case "lua": {
      const lua = { defaultSourceCode: { specifier: { case: "inlineString" as const, value: code.source } } };
      return { case: "typedConfig", value: pack(LuaSchema, lua) };
    }
    case "wasm":
      return { case: "configDiscovery", value: discoveryOf("http") };
    case "deny":
      return { case: "typedConfig", value: toDenial("http") };
  }
}

/** The code that users put into a listener to look at requests, of some phases. */
export function extensionsOf(...phases: readonly ExtensionPhase[]): HttpFilterRule {
  return {
    name: "extensions",
    build: (http, { extensions }) =>
      extensionsIn(http, extensions, "http", phases).map(({ name, code }) => ({
        name,
        configType: configOf(code),
      })),
  };
}
