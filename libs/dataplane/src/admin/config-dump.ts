import { type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { toEnvoyJson } from "@weft/envoy-api";
import { BootstrapSchema } from "@weft/envoy-api/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { VirtualHostSchema } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { HttpConnectionManagerSchema } from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { ConfigFailure, ConfigRecord } from "../xds/index.ts";
import { type AdminEndpoint, type AdminOptions, isGiven, regexOf } from "./endpoint.ts";
import { redact } from "./redact.ts";
import { dumpSecrets } from "./secrets.ts";

type Json = Record<string, unknown>;

/** A section of the dump; its lists hold the resources. */
type Section = { readonly "@type": string } & Json;

const adminType = (name: string) => `type.googleapis.com/envoy.admin.v3.${name}`;
const timestamp = (epochMs: number) => new Date(epochMs).toISOString();

/** Leaves out what protobuf's JSON leaves out: empty lists and texts. */
function compact(section: Section): Section {
  const kept = Object.entries(section).filter(([, value]) =>
    Array.isArray(value) ? value.length > 0 : value !== "",
  );
  return Object.fromEntries(kept) as Section; // "@type" is never empty
}

/** Writes resources of one type as JSON, those whose names are wanted. */
function dumper(schema: DescMessage, field: string, wanted: (name: string) => boolean) {
  const resource = ({ value }: ConfigRecord): Json => ({
    "@type": `type.googleapis.com/${schema.typeName}`,
    ...toEnvoyJson(schema, fromBinary(schema, value)),
  });
  const entry = (record: ConfigRecord): Json => ({
    ...(record.version !== "" && { version_info: record.version }),
    [field]: resource(record),
    last_updated: timestamp(record.lastUpdated),
  });
  const failure = (failed: ConfigFailure): Json => ({
    ...(failed.value.length > 0 && { failed_configuration: resource(failed) }),
    last_update_attempt: timestamp(failed.lastUpdated),
    details: failed.details,
    ...(failed.version !== "" && { version_info: failed.version }),
  });
  const of = (records: Iterable<ConfigRecord>, isStatic: boolean) =>
    [...records].filter((record) => record.isStatic === isStatic && wanted(record.name));
  return { entry, failure, of, wanted };
}

function bootstrapSection({ bootstrap }: AdminOptions, startedAt: number): Section {
  return {
    "@type": adminType("BootstrapConfigDump"),
    bootstrap: toEnvoyJson(BootstrapSchema, bootstrap),
    last_updated: timestamp(startedAt),
  };
}

function clustersSection({ resources, clusters }: AdminOptions, wanted: (name: string) => boolean): Section {
  const { clusters: state } = resources.state;
  const { entry, failure, of } = dumper(ClusterSchema, "cluster", wanted);
  const dynamic = of(state.records.values(), false);
  const warming = ({ name }: ConfigRecord) => clusters.warming.has(name);
  const errors = new Map(
    [...state.failures].map(([name, failed]) => [name, { error_state: failure(failed) }]),
  );
  return compact({
    "@type": adminType("ClustersConfigDump"),
    version_info: state.version,
    static_clusters: of(state.records.values(), true).map(entry),
    dynamic_active_clusters: dynamic
      .filter((record) => !warming(record))
      .map((record) => ({ ...entry(record), ...errors.get(record.name) })),
    dynamic_warming_clusters: dynamic.filter(warming).map(entry),
  });
}

function listenersSection({ resources }: AdminOptions, wanted: (name: string) => boolean): Section {
  const { listeners: state } = resources.state;
  const { entry, failure, of } = dumper(ListenerSchema, "listener", wanted);
  const { warmingListeners } = resources;
  const names = new Set([
    ...of(state.records.values(), false).map(({ name }) => name),
    ...[...state.failures.keys()].filter(wanted),
  ]);
  return compact({
    "@type": adminType("ListenersConfigDump"),
    version_info: state.version,
    static_listeners: of(state.records.values(), true).map(entry),
    dynamic_listeners: [...names].map((name) => {
      const record = state.records.get(name);
      const failed = state.failures.get(name);
      return {
        name,
        ...(record !== undefined && {
          [warmingListeners.has(name) ? "warming_state" : "active_state"]: entry(record),
        }),
        ...(failed !== undefined && { error_state: failure(failed) }),
      };
    }),
  });
}

/** Route configurations stand in the dump on their own too where listeners hold them in place. */
function routesSection({ resources }: AdminOptions, wanted: (name: string) => boolean): Section {
  const { routes: state, virtualHosts, listeners } = resources.state;
  const { entry, of } = dumper(RouteConfigurationSchema, "route_config", wanted);
  const inline = [...listeners.records.values()].flatMap((record) =>
    inlineRoutes(record.value)
      .filter(({ name }) => wanted(name))
      .map((route) => ({
        route_config: {
          "@type": `type.googleapis.com/${RouteConfigurationSchema.typeName}`,
          ...toEnvoyJson(RouteConfigurationSchema, route),
        },
        last_updated: timestamp(record.lastUpdated),
      })),
  );
  return compact({
    "@type": adminType("RoutesConfigDump"),
    static_route_configs: inline,
    dynamic_route_configs: of(state.records.values(), false).map((record) =>
      entry(withHosts(record, virtualHosts.records)),
    ),
  });
}

/** A table with the hosts that VHDS sent of it, as Envoy shows it. */
function withHosts(record: ConfigRecord, hosts: ReadonlyMap<string, ConfigRecord>): ConfigRecord {
  const table = fromBinary(RouteConfigurationSchema, record.value);
  if (table.vhds === undefined) return record;
  for (const { name, value } of hosts.values())
    if (name.slice(0, name.lastIndexOf("/")) === record.name)
      table.virtualHosts.push(fromBinary(VirtualHostSchema, value));
  return { ...record, value: toBinary(RouteConfigurationSchema, table) };
}

/** The `route_config` of every connection manager of an encoded listener. */
function inlineRoutes(value: Uint8Array): RouteConfiguration[] {
  const { filterChains, defaultFilterChain } = fromBinary(ListenerSchema, value);
  const chains = defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
  return chains
    .flatMap(({ filters }) => filters)
    .flatMap(({ configType }) => {
      const manager =
        configType.case === "typedConfig"
          ? anyUnpack(configType.value, HttpConnectionManagerSchema)
          : undefined;
      return manager?.routeSpecifier.case === "routeConfig" ? [manager.routeSpecifier.value] : [];
    });
}

function endpointsSection({ resources }: AdminOptions, wanted: (name: string) => boolean): Section {
  const { entry, of } = dumper(ClusterLoadAssignmentSchema, "endpoint_config", wanted);
  const inline = [...resources.state.clusters.records.values()].flatMap((record) => {
    const { name, loadAssignment } = fromBinary(ClusterSchema, record.value);
    if (loadAssignment === undefined || !wanted(name)) return [];
    const value = toBinary(ClusterLoadAssignmentSchema, { ...loadAssignment, clusterName: name });
    return [entry({ ...record, value, version: "" })];
  });
  return compact({
    "@type": adminType("EndpointsConfigDump"),
    static_endpoint_configs: inline,
    dynamic_endpoint_configs: of(resources.state.endpoints.records.values(), false).map(entry),
  });
}

/** The types of list entries, for `?resource=`. */
const entryTypes: Readonly<Record<string, string>> = {
  static_clusters: "ClustersConfigDump.StaticCluster",
  dynamic_active_clusters: "ClustersConfigDump.DynamicCluster",
  dynamic_warming_clusters: "ClustersConfigDump.DynamicCluster",
  static_listeners: "ListenersConfigDump.StaticListener",
  dynamic_listeners: "ListenersConfigDump.DynamicListener",
  static_route_configs: "RoutesConfigDump.StaticRouteConfig",
  dynamic_route_configs: "RoutesConfigDump.DynamicRouteConfig",
  static_endpoint_configs: "EndpointsConfigDump.StaticEndpointConfig",
  dynamic_active_secrets: "SecretsConfigDump.DynamicSecret",
  dynamic_warming_secrets: "SecretsConfigDump.DynamicSecret",
  dynamic_endpoint_configs: "EndpointsConfigDump.DynamicEndpointConfig",
};

/**
 * The configuration in use, in Envoy's sections and order. What was refused stands in `error_state` until a good
 * version replaces it. https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump.proto
 */
export const configDumpEndpoint: AdminEndpoint = {
  path: "/config_dump",
  help: "dump current configs (?include_eds&resource=FIELD&name_regex=REGEX)",
  handle({ query }, options) {
    if (query.has("mask"))
      return { status: 400, text: "mask is not implemented, use resource and name_regex\n" };
    const regex = regexOf(query, "name_regex");
    if (regex !== undefined && !(regex instanceof RegExp)) return regex;
    const wanted = (name: string) => regex === undefined || regex.test(name);
    const resource = query.get("resource");
    const withEndpoints = isGiven(query, "include_eds") || resource?.includes("endpoint") === true;
    const sections: Section[] = [
      bootstrapSection(options, options.clock.now() - process.uptime() * 1000),
      clustersSection(options, wanted),
      ...(withEndpoints ? [endpointsSection(options, wanted)] : []),
      listenersSection(options, wanted),
      { "@type": adminType("ScopedRoutesConfigDump") },
      routesSection(options, wanted),
      compact({ "@type": adminType("SecretsConfigDump"), ...dumpSecrets(options.secrets, wanted) }),
    ];
    if (resource === null) return { json: { configs: redact(sections) } };
    const type = entryTypes[resource];
    if (resource !== "bootstrap" && type === undefined) {
      return { status: 404, text: `${resource} not found in config dump` };
    }
    const found = sections.map((section) => section[resource]).filter((value) => value !== undefined);
    const entries = found.flatMap((value) => (Array.isArray(value) ? value : [sections[0]]));
    return {
      json: {
        configs: redact(
          type === undefined
            ? entries
            : entries.map((entry: Json) => ({ "@type": adminType(type), ...entry })),
        ),
      },
    };
  },
};
