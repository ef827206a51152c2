import { typeNameOf } from "@weft/envoy-api";
import type { Router } from "@weft/envoy-api/envoy/extensions/filters/http/router/v3/router_pb.js";
import type { HttpFilter as HttpFilterMessage } from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpFilter, TerminalHttpFilter } from "../../runtime/http-filter.ts";
import type { StatsScope } from "../../runtime/stats.ts";
import type { CompileEnvironment } from "../environment.ts";
import type { Problems } from "../problems.ts";
import { structTypeOf } from "../typed-struct.ts";
import { reportUnknownExtension, unpackKnown } from "../values.ts";

const router = { name: "envoy.filters.http.router", type: "envoy.extensions.filters.http.router.v3.Router" };

/** The filters of a connection manager. */
export interface CompiledHttpFilters {
  /** In order, without the last. */
  readonly filters: readonly HttpFilter[];
  readonly terminal: TerminalHttpFilter;
}

/** Compiles the chain of HTTP filters, whose last must be the router. */
export function compileHttpFilters(
  messages: readonly HttpFilterMessage[],
  path: string,
  stats: StatsScope,
  environment: CompileEnvironment,
  problems: Problems,
): CompiledHttpFilters | undefined {
  const filters: HttpFilter[] = [];
  let terminal: TerminalHttpFilter | undefined;
  for (const [index, message] of messages.entries()) {
    const at = `${path}[${index}]`;
    const any = message.configType.case === "typedConfig" ? message.configType.value : undefined;
    const typeName = typeNameOf(any?.typeUrl ?? "");
    const structType = any && structTypeOf(any);
    if (typeName === router.type) {
      if (message.disabled) problems.error(`${at}.disabled`, "wrong-order", "the router cannot be off");
      if (index !== messages.length - 1)
        problems.error(at, "wrong-order", "the router must be the last filter");
      const options = any && (unpackKnown(any, `${at}.typed_config`, problems) as Router | undefined); // its type was compared
      terminal = environment.createRouter({
        stats,
        suppressEnvoyHeaders: options?.suppressEnvoyHeaders ?? false,
      });
      continue;
    }
    const factory = environment.httpFilters.find(({ configTypes, structTypes = [] }) =>
      structType === undefined ? configTypes.includes(typeName) : structTypes.includes(structType),
    );
    if (factory === undefined || any === undefined) {
      // The sender says that the chain works without it.
      if (message.isOptional) continue;
      reportUnknownExtension(problems, at, { name: message.name, typeUrl: structType ?? any?.typeUrl }, [
        ...environment.httpFilters.map(({ name }) => name),
        router.name,
      ]);
      continue;
    }
    const config = unpackKnown(any, `${at}.typed_config`, problems);
    if (config === undefined) continue;
    const filter = factory.compile(config, {
      name: message.name,
      path: `${at}.typed_config`,
      problems,
      stats,
      environment,
    });
    if (filter !== undefined) filters.push(message.disabled ? { ...filter, offByDefault: true } : filter);
  }
  if (terminal === undefined) problems.error(path, "missing", "the last filter must be the router");
  return terminal && { filters, terminal };
}
