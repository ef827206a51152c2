import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  type Filter,
  type FilterChain,
  FilterSchema,
} from "@weft/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpFilterSchema,
} from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { addItems, changeItems, type ListRules } from "./edit-list.ts";
import { mergedFilter } from "./filters.ts";
import { namesFilter } from "./names.ts";
import { type Patch, type PatchRun, patchesTo } from "./patch.ts";
import { patchRouteTable } from "./routes.ts";

const isRouter = ({ name }: HttpFilter) => namesFilter("envoy.filters.http.router", name);

const authentication = ["envoy.filters.http.jwt_authn", "istio_authn"];

interface FilterPlace {
  readonly names: readonly string[];
  readonly behind: boolean;
}

/** Filters that a class is placed by: behind those of authentication and authorization, before those of statistics. */
const classes: Readonly<Record<NonNullable<Patch["filterClass"]>, FilterPlace>> = {
  AUTHN: { names: authentication, behind: true },
  AUTHZ: {
    names: [...authentication, "envoy.filters.http.rbac", "envoy.filters.http.ext_authz"],
    behind: true,
  },
  STATS: { names: ["istio.stats"], behind: false },
};

/** Where an added HTTP filter goes: by its class, else right before the router, which nothing may follow. */
function placeOf(items: readonly HttpFilter[], { filterClass }: Patch): number {
  const router = items.findIndex(isRouter);
  const end = router < 0 ? items.length : router;
  if (filterClass === undefined) return end;
  const { names, behind } = classes[filterClass];
  const isOfClass = ({ name }: HttpFilter) => names.includes(name);
  if (behind) return items.findLastIndex(isOfClass) + 1;
  const at = items.findIndex(isOfClass);
  return at < 0 ? end : at;
}

function patchHttpFilters(
  run: PatchRun,
  manager: HttpConnectionManager,
  applies: (patch: Patch) => boolean,
): HttpConnectionManager {
  const patches = patchesTo(run, "HTTP_FILTER");

  const asked = ({ match }: Patch) => match.listener?.filterChain?.filter?.subFilter?.name;
  const rules: ListRules<HttpFilter> = {
    schema: HttpFilterSchema,
    applies,
    names: (patch) => Boolean(asked(patch)),
    matches: (patch, { name }) => {
      const wanted = asked(patch);
      return !wanted || namesFilter(wanted, name);
    },
    merge: (filter, patch) => mergedFilter(HttpFilterSchema, filter, patch),
    placeOf,
  };
  const added = addItems(run, patches, manager.httpFilters, rules);
  return { ...manager, httpFilters: [...changeItems(run, patches, added, rules)] };
}

/** The filter with the patches inside it applied, where it is a connection manager. */
function patchInside(run: PatchRun, filter: Filter, applies: (patch: Patch) => boolean): Filter {
  if (filter.configType.case !== "typedConfig") return filter;
  const manager = anyUnpack(filter.configType.value, HttpConnectionManagerSchema);
  if (manager === undefined) return filter;
  const inner: PatchRun = { ...run, used: new Set() };
  const patched = patchHttpFilters(inner, manager, applies);
  const { routeSpecifier } = patched;
  if (routeSpecifier.case === "routeConfig")
    patched.routeSpecifier = { case: "routeConfig", value: patchRouteTable(routeSpecifier.value, inner) };
  if (inner.used.size === 0) return filter;
  for (const patch of inner.used) run.used.add(patch);
  const value = anyPack(HttpConnectionManagerSchema, patched);
  return { ...filter, configType: { case: "typedConfig", value } };
}

/** A chain after the patches for its filters and for what is in them. `applies`: whether a patch is for this chain. */
export function patchNetworkFilters(
  run: PatchRun,
  chain: FilterChain,
  applies: (patch: Patch) => boolean,
): FilterChain {
  const asked = ({ match }: Patch) => match.listener?.filterChain?.filter?.name;
  const matches = (patch: Patch, { name }: Filter) => {
    const wanted = asked(patch);
    return !wanted || namesFilter(wanted, name);
  };
  const rules: ListRules<Filter> = {
    schema: FilterSchema,
    applies,
    names: (patch) => Boolean(asked(patch)),
    matches,
    merge: (filter, patch) => mergedFilter(FilterSchema, filter, patch),
  };
  const patches = patchesTo(run, "NETWORK_FILTER");
  const added = addItems(run, patches, chain.filters, rules);
  const filters = changeItems(run, patches, added, rules, (filter) =>
    patchInside(run, filter, (patch) => applies(patch) && matches(patch, filter)),
  );
  return { ...chain, filters: [...filters] };
}
