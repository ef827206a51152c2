import { LuaSchema } from "@weft/envoy-api/envoy/extensions/filters/http/lua/v3/lua_pb.js";
import { pack } from "../envoy/any.ts";
import type { ExtensionPhase, HttpConnections, HttpExtension } from "../ir/index.ts";
import type { HttpFilterRule } from "./http-filter.ts";

function runsIn({ match }: HttpExtension, { direction, port }: HttpConnections): boolean {
  if (match.length === 0) return true;
  return match.some(
    ({ client, server, ports }) =>
      (direction === "inbound" ? server : client) &&
      (ports.length === 0 || (port !== undefined && ports.includes(port))),
  );
}

/** The code that users put into a listener, of some phases. */
export function extensionsOf(...phases: readonly ExtensionPhase[]): HttpFilterRule {
  return {
    name: "envoy.filters.http.lua",
    build: (http, { extensions }) =>
      phases
        .flatMap((phase) => extensions.filter((one) => one.phase === phase && runsIn(one, http)))
        .map(({ name, lua }) => ({
          name,
          configType: {
            case: "typedConfig",
            value: pack(LuaSchema, {
              defaultSourceCode: { specifier: { case: "inlineString", value: lua } },
            }),
          },
        })),
  };
}
