import type { DumpedSecret } from "./secrets.ts";

/** A JSON object whose shape is looked into step by step: a proxy of any version may have written it. */
export type Json = Readonly<Record<string, unknown>>;

/** The parts of a proxy's `/config_dump` that the commands show, static and active alike, each Envoy's JSON. */
export interface ConfigDump {
  readonly bootstrap: Json | undefined;
  readonly clusters: readonly Json[];
  readonly listeners: readonly Json[];
  readonly routes: readonly Json[];
  /** RFC 3339 of the newest route configuration; undefined where there is none. */
  readonly routesUpdated: string | undefined;
  readonly secrets: readonly DumpedSecret[];
}

/** An object, or an empty one for anything else. */
export function object(value: unknown): Json {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Json) : {};
}

/** The objects of a list; none for anything else. */
export function objects(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.map(object) : [];
}

/** A text, or an empty one for anything else. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The texts of a list. */
export function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

/** Reads a config dump; throws where it is none. https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump.proto */
export function readConfigDump(dump: unknown): ConfigDump {
  const configs = object(dump).configs;
  if (!Array.isArray(configs)) throw new Error('this is no config dump: it has no list "configs"');
  const section = (name: string) =>
    object(configs.find((config) => text(object(config)["@type"]).endsWith(`.${name}`)));
  const clusters = section("ClustersConfigDump");
  const listeners = section("ListenersConfigDump");
  const routes = section("RoutesConfigDump");
  const bootstrap = section("BootstrapConfigDump").bootstrap;
  const pick = (list: unknown, field: string) =>
    objects(list)
      .map((entry) => entry[field])
      .filter((entry) => entry !== undefined)
      .map(object);
  const routeEntries = [...objects(routes.static_route_configs), ...objects(routes.dynamic_route_configs)];
  const stamps = routeEntries.map((entry) => text(entry.last_updated)).sort();
  return {
    bootstrap: bootstrap === undefined ? undefined : object(bootstrap),
    clusters: [
      ...pick(clusters.static_clusters, "cluster"),
      ...pick(clusters.dynamic_active_clusters, "cluster"),
      ...pick(clusters.dynamic_warming_clusters, "cluster"),
    ],
    listeners: [
      ...pick(listeners.static_listeners, "listener"),
      ...objects(listeners.dynamic_listeners)
        .map((entry) => object(entry.active_state).listener)
        .filter((listener) => listener !== undefined)
        .map(object),
    ],
    routes: pick(routeEntries, "route_config").map(asWholeTable),
    routesUpdated: stamps.at(-1) || undefined,
    secrets: readSecrets(section("SecretsConfigDump")),
  };
}

function readSecrets(dump: Json): readonly DumpedSecret[] {
  const read = (list: unknown, state: DumpedSecret["state"]) =>
    objects(list).map(({ name, secret }) => ({ name: text(name), state, secret: object(secret) }));
  return [
    ...read(dump.static_secrets, "ACTIVE"),
    ...read(dump.dynamic_active_secrets, "ACTIVE"),
    ...read(dump.dynamic_warming_secrets, "WARMING"),
  ];
}

/**
 * A table whose virtual hosts came one by one (VHDS) as one that came whole: their names without the table's before them, in order, and
 * nothing of where they came from.
 */
function asWholeTable(route: Json): Json {
  const { vhds, ...table } = route;
  if (vhds === undefined) return route;
  const prefix = `${text(route.name)}/`;
  const hosts = objects(route.virtual_hosts).map((host) => {
    const name = text(host.name);
    return name.startsWith(prefix) ? { ...host, name: name.slice(prefix.length) } : host;
  });
  const sorted = hosts.sort((a, b) => (text(a.name) < text(b.name) ? -1 : 1));
  return { ...table, virtual_hosts: sorted };
}

/** `reviews.default`, from the origin that Istio writes into metadata: `/apis/…/namespaces/default/virtual-service/reviews`. */
export function describeOrigin(metadata: unknown): string {
  const config = text(object(object(object(metadata).filter_metadata).istio).config);
  const match = /\/namespaces\/([^/]+)\/[^/]+\/([^/]+)$/.exec(config);
  return match === null ? "" : `${match[2]}.${match[1]}`;
}
