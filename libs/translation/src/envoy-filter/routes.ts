import {
  type Route,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { addItems, changeItems, type ListRules } from "./edit-list.ts";
import { merged } from "./merge.ts";
import { isMerge, type Patch, type PatchRun, patchesTo } from "./patch.ts";

const listsOf = ({ operation }: Patch) => (operation === "MERGE_AND_REPLACE_LIST" ? "replace" : "append");

/** What a route table's name tells of where it is used. */
interface TableName {
  readonly port: number;
  readonly portName: string;
  readonly gateway: string;
}

function parseTableName(name: string): TableName {
  const none = { portName: "", gateway: "" };
  if (name.startsWith("inbound|")) return { ...none, port: Number(name.split("|")[1]) || 0 };
  if (name.startsWith("http.")) return { ...none, port: Number(name.split(".")[1]) || 0 };
  if (name.startsWith("https.")) {
    const [, port = "", portName = "", gateway = "", namespace = ""] = name.split(".");
    return { port: Number(port) || 0, portName, gateway: `${namespace}/${gateway}` };
  }
  return { ...none, port: Number(name.slice(name.lastIndexOf(":") + 1)) || 0 };
}

/** Whether a patch is for a route table, by its name alone. `ports`: the servers' ports behind a gateway's port. */
export function isForTable(
  { match }: Patch,
  { name }: { readonly name: string },
  ports: ServerPorts,
): boolean {
  const asked = match.routeConfiguration;
  if (asked === undefined) return true;
  const { port, portName, gateway } = parseTableName(name);
  if (asked.name && asked.name !== name) return false;
  if (asked.portNumber && asked.portNumber !== port && !ports.get(port)?.has(asked.portNumber)) return false;
  if (asked.portName && portName !== asked.portName) return false;
  return !asked.gateway || gateway === asked.gateway;
}

/** The ports of a gateway's servers by the port the proxy listens on. */
export type ServerPorts = ReadonlyMap<number, ReadonlySet<number>>;

function isForHost({ match }: Patch, host: VirtualHost): boolean {
  const asked = match.routeConfiguration?.vhost;
  if (asked?.name && asked.name !== host.name) return false;
  return !asked?.domainName || host.domains.includes(asked.domainName);
}

const actions = { ROUTE: "route", REDIRECT: "redirect", DIRECT_RESPONSE: "directResponse" } as const;

function isForRoute({ match }: Patch, route: Route): boolean {
  const asked = match.routeConfiguration?.vhost?.route;
  if (asked?.name && asked.name !== route.name) return false;
  if (asked?.action === undefined || asked.action === "ANY") return true;
  return route.action.case === actions[asked.action];
}

function patchRoutes(run: PatchRun, applies: (patch: Patch) => boolean, host: VirtualHost): VirtualHost {
  const rules: ListRules<Route> = {
    schema: RouteSchema,
    applies: (patch) => applies(patch) && isForHost(patch, host),
    names: ({ match }) => match.routeConfiguration?.vhost?.route !== undefined,
    matches: isForRoute,
    merge: (route, patch) => (patch.value ? merged(RouteSchema, route, patch.value, listsOf(patch)) : route),
  };
  const patches = patchesTo(run, "HTTP_ROUTE");
  if (patches.length === 0) return host;
  const routes = addItems(run, patches, changeItems(run, patches, host.routes, rules), rules);
  return { ...host, routes: [...routes] };
}

/** A route table after the patches for it, its virtual hosts and their routes. */
export function patchRouteTable(
  table: RouteConfiguration,
  run: PatchRun,
  ports: ServerPorts = new Map(),
): RouteConfiguration {
  const applies = (patch: Patch) => isForTable(patch, table, ports);
  let result = table;
  for (const patch of patchesTo(run, "ROUTE_CONFIGURATION")) {
    if (!isMerge(patch) || patch.value === undefined || !applies(patch)) continue;
    run.used.add(patch);
    result = merged(RouteConfigurationSchema, result, patch.value, listsOf(patch));
  }
  const rules: ListRules<VirtualHost> = {
    schema: VirtualHostSchema,
    applies,
    names: ({ match }) => match.routeConfiguration?.vhost !== undefined,
    matches: isForHost,
    merge: (host, patch) =>
      patch.value ? merged(VirtualHostSchema, host, patch.value, listsOf(patch)) : host,
  };
  const patches = patchesTo(run, "VIRTUAL_HOST");
  const changed = changeItems(run, patches, result.virtualHosts, rules, (host) =>
    patchRoutes(run, applies, host),
  );
  return { ...result, virtualHosts: [...addItems(run, patches, changed, rules)] };
}
