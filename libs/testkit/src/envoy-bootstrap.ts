/** Envoy resources as JSON with proto field names, by name: what `weftctl xds generate` prints. */
export interface EnvoyResources {
  readonly clusters?: Readonly<Record<string, JsonRecord>>;
  /** ClusterLoadAssignments by the name that EDS asks for. */
  readonly endpoints?: Readonly<Record<string, JsonRecord>>;
  readonly listeners?: Readonly<Record<string, JsonRecord>>;
  /** RouteConfigurations by the name that RDS asks for. */
  readonly routes?: Readonly<Record<string, JsonRecord>>;
  readonly secrets?: Readonly<Record<string, JsonRecord>>;
  /** VirtualHosts by the name that VHDS has for them, `TABLE/HOST`. */
  readonly virtual_hosts?: Readonly<Record<string, JsonRecord>>;
}

/** A JSON object. */
export type JsonRecord = { readonly [key: string]: unknown };

/**
 * One static bootstrap that holds all the resources, so that Envoy checks them without a control plane: EDS clusters
 * get their endpoints inline, RDS its routes, and these their virtual hosts. Clusters that SDS and ADS are asked of (`sds-grpc`, `xds-grpc`) are
 * added where they are missing.
 */
export function toStaticBootstrap(resources: EnvoyResources): JsonRecord {
  const clusters = Object.values(resources.clusters ?? {}).map((cluster) =>
    inlineEndpoints(cluster, resources.endpoints ?? {}),
  );
  const routes = Object.fromEntries(
    Object.entries(resources.routes ?? {}).map(([name, table]) => [
      name,
      inlineHosts(table, resources.virtual_hosts ?? {}),
    ]),
  );
  const names = new Set(clusters.map((cluster) => cluster.name));
  const added = ["xds-grpc", "sds-grpc"].filter((name) => !names.has(name)).map(grpcCluster);
  return {
    node: { id: "sidecar~127.0.0.1~test.default~default.svc.cluster.local", cluster: "test" },
    dynamic_resources: {
      ads_config: {
        api_type: "GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
      },
    },
    static_resources: {
      clusters: [...clusters, ...added],
      listeners: Object.values(resources.listeners ?? {}).map((listener) => inlineRoutes(listener, routes)),
      secrets: Object.values(resources.secrets ?? {}),
    },
  };
}

function inlineEndpoints(cluster: JsonRecord, endpoints: Readonly<Record<string, JsonRecord>>): JsonRecord {
  if (cluster.type !== "EDS") return cluster;
  const { eds_cluster_config: eds, ...rest } = cluster;
  const name =
    isRecord(eds) && typeof eds.service_name === "string" ? eds.service_name : String(cluster.name);
  return { ...rest, type: "STATIC", load_assignment: endpoints[name] ?? { cluster_name: name } };
}

function inlineHosts(table: JsonRecord, hosts: Readonly<Record<string, JsonRecord>>): JsonRecord {
  const { vhds, virtual_hosts: own = [], ...rest } = table;
  if (vhds === undefined) return table;
  const found = Object.entries(hosts).filter(([name]) => name.slice(0, name.lastIndexOf("/")) === table.name);
  return { ...rest, virtual_hosts: [...(own as JsonRecord[]), ...found.map(([, host]) => host)] };
}

/** Replaces every `rds` inside by the routes it names; one that names no routes stays, as Envoy would wait for it. */
function inlineRoutes<T>(value: T, routes: Readonly<Record<string, JsonRecord>>): T {
  if (Array.isArray(value)) return value.map((item) => inlineRoutes(item, routes)) as T;
  if (!isRecord(value)) return value;
  const { rds, ...rest } = value;
  const name = isRecord(rds) ? rds.route_config_name : undefined;
  const found = typeof name === "string" ? routes[name] : undefined;
  const kept = found === undefined ? value : { ...rest, route_config: found };
  return Object.fromEntries(
    Object.entries(kept).map(([key, item]) => [key, inlineRoutes(item, routes)]),
  ) as T;
}

function grpcCluster(name: string): JsonRecord {
  const address = { pipe: { path: `/nonexistent/${name}` } };
  return {
    name,
    type: "STATIC",
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
    },
  };
}

function isRecord(value: unknown): value is JsonRecord {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
