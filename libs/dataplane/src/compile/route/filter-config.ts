import type { Any } from "@bufbuild/protobuf/wkt";
import { typeNameOf } from "@weft/envoy-api";
import type { FilterConfig } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import type { HttpFilterFactory } from "../environment.ts";
import type { Problems } from "../problems.ts";
import { reportUnknownExtension, unpackKnown } from "../values.ts";

const wrapper = "envoy.config.route.v3.FilterConfig";

/** In place of a filter's configuration: the route switches it off. */
export const filterOff = Symbol("off");
/** The route switches it on, and has nothing to configure. */
export const filterOn = Symbol("on");

/** Compiles a `typed_per_filter_config`: what each filter of the chain finds under its name. */
export type CompileFilterConfigs = (
  configs: Readonly<Record<string, Any>>,
  path: string,
) => ReadonlyMap<string, unknown>;

/** Makes the compiler for the filters that are compiled in. */
export function createFilterConfigCompiler(
  factories: readonly HttpFilterFactory[],
  problems: Problems,
): CompileFilterConfigs {
  const compileOne = (name: string, any: Any, path: string): unknown => {
    const typeName = typeNameOf(any.typeUrl);
    if (typeName === wrapper) {
      const message = unpackKnown(any, path, problems) as FilterConfig | undefined; // its type was compared
      if (message === undefined) return undefined;
      if (message.disabled) return filterOff;
      // Naming the filter is enough to switch on one that is off by default.
      if ((message.config?.typeUrl ?? "") === "") return filterOn;
      return message.config && compileOne(name, message.config, `${path}.config`);
    }
    const factory = factories.find(({ routeConfigTypes }) => routeConfigTypes.includes(typeName));
    if (factory?.compileRoute === undefined) {
      reportUnknownExtension(
        problems,
        path,
        { name, typeUrl: any.typeUrl },
        factories.map((known) => known.name),
      );
      return undefined;
    }
    const message = unpackKnown(any, path, problems);
    return message === undefined ? undefined : factory.compileRoute(message, path, problems);
  };
  return (configs, path) => {
    const compiled = new Map<string, unknown>();
    for (const [name, any] of Object.entries(configs)) {
      const value = compileOne(name, any, `${path}.${name}`);
      if (value !== undefined) compiled.set(name, value);
    }
    return compiled;
  };
}

/** Parts what filters are configured with from whether they are on; `switches` is absent where nothing is switched. */
export function separateSwitches(merged: ReadonlyMap<string, unknown>): {
  readonly filterConfig: ReadonlyMap<string, unknown>;
  readonly filterSwitches?: ReadonlyMap<string, boolean>;
} {
  const switches = new Map<string, boolean>();
  for (const [name, value] of merged)
    if (value === filterOff || value === filterOn) switches.set(name, value === filterOn);
  if (switches.size === 0) return { filterConfig: merged };
  return {
    filterConfig: new Map([...merged].filter(([name]) => !switches.has(name))),
    filterSwitches: switches,
  };
}
