import type { PeerAuthentication } from "@weft/istio-api";
import { type Config, type Endpoint, endpointsOf, type MeshSnapshot } from "@weft/mesh-model";
import type { EndpointRoute } from "@weft/observability";
import { rejectionsOf } from "../../rejections.ts";
import { toObjectStatus } from "../object-status.ts";
import { type DebugOptions, meshPage } from "./page.ts";

/** Pages about the mesh as pilot sees it, whoever is connected. */
export function meshPages(options: DebugOptions): EndpointRoute[] {
  const { store } = options;
  const page = (
    name: string,
    help: string,
    show: (snapshot: MeshSnapshot, query: URLSearchParams) => object,
  ): EndpointRoute => ({
    path: `/debug/${name}`,
    help,
    handle: meshPage(options, (snapshot, { query }) => show(snapshot, query)),
  });
  return [
    page("registryz", "the services of the mesh", ({ services }) => services.all),
    page("endpointz", "the endpoints of every service", (snapshot) =>
      snapshot.services.all.map((service) => ({
        service: service.hostname,
        namespace: service.namespace,
        endpoints: endpointsOf(snapshot, service),
      })),
    ),
    page("endpointShardz", "endpoints by host, namespace and where they come from", toShards),
    page("configz", "the Istio configuration in use", (snapshot) => allConfigs(snapshot).map(toObject)),
    page("mesh", "the mesh configuration", ({ meshConfig }) => meshConfig),
    page("authorizationz", "AuthorizationPolicies by namespace", (snapshot) =>
      byNamespace(snapshot, ["AuthorizationPolicy"]),
    ),
    page("telemetryz", "Telemetry resources by namespace", (snapshot) =>
      byNamespace(snapshot, ["Telemetry"]),
    ),
    page("pushcontext", "what the present push is made of", toPushContext),
    page("clusterz", "clusters whose services are read", ({ clusterId, services, workloads }) => [
      {
        id: clusterId,
        syncStatus: "synced",
        services: services.all.filter(({ registry }) => registry === "Kubernetes").length,
        pods: workloads.byName.size,
      },
    ]),
    page("networkz", "networks that endpoints are in, and how many", toNetworks),
    {
      path: "/debug/object_status",
      help: "which objects are not accepted or have no effect, and why",
      handle: () => ({
        body: toObjectStatus({
          problems: [...store.problems(), ...options.engine.problems()],
          rejections: rejectionsOf(options.engine.proxies.all),
          statuses: store.statuses(),
        }),
      }),
    },
    {
      path: "/debug/problems",
      help: "what is wrong with the configuration, by source",
      handle: () => ({ body: store.problems() }),
    },
  ];
}

function allConfigs({ configs }: MeshSnapshot): readonly Config<unknown>[] {
  const { others, ...typed } = configs;
  return [...Object.values(typed).flat(), ...[...others.values()].flat()];
}

/** A configuration object in the shape of Kubernetes. */
function toObject(config: Config<unknown>): object {
  const { apiVersion, kind, name, namespace, labels, annotations, createdAt, spec } = config;
  const created = createdAt === 0 ? {} : { creationTimestamp: new Date(createdAt).toISOString() };
  return { apiVersion, kind, metadata: { name, namespace, labels, annotations, ...created }, spec };
}

function toShards(snapshot: MeshSnapshot): object {
  const hosts = [...snapshot.services.byHostname].map(([hostname, services]) => [
    hostname,
    Object.fromEntries(
      services.map((service) => {
        const endpoints = endpointsOf(snapshot, service);
        const shards = { [`${service.registry}/${snapshot.clusterId}`]: endpoints };
        return [service.namespace, { Shards: shards, ServiceAccounts: identities(endpoints, snapshot) }];
      }),
    ),
  ]);
  return Object.fromEntries(hosts);
}

function identities(endpoints: readonly Endpoint[], { meshConfig }: MeshSnapshot): readonly string[] {
  const known = endpoints.filter(({ serviceAccount }) => serviceAccount !== "");
  const names = known.map(
    ({ namespace, serviceAccount }) =>
      `spiffe://${meshConfig.trustDomain}/ns/${namespace}/sa/${serviceAccount}`,
  );
  return [...new Set(names)].sort();
}

/** Policies of some kinds, those of the root namespace first. */
function byNamespace({ configs, meshConfig }: MeshSnapshot, kinds: readonly string[]): object {
  const found = kinds.flatMap((kind) => configs.others.get(kind) ?? []);
  const groups = Map.groupBy(found, ({ namespace }) => namespace);
  return {
    rootNamespace: meshConfig.rootNamespace,
    namespaceToPolicies: Object.fromEntries([...groups].map(([name, some]) => [name, some.map(toObject)])),
  };
}

function toPushContext(snapshot: MeshSnapshot): object {
  const { version, configVersion, services, configs, endpoints } = snapshot;
  const { others, ...typed } = configs;
  const mutualTls = (others.get("PeerAuthentication") ?? []) as readonly Config<PeerAuthentication>[]; // checked by schema
  return {
    version,
    configVersion,
    services: services.all.length,
    servicesWithEndpoints: [...endpoints.values()].filter((list) => list.length > 0).length,
    configs: Object.fromEntries([
      ...Object.entries(typed).map(([kind, list]) => [kind, list.length]),
      ...[...others].map(([kind, list]) => [kind, list.length]),
    ]),
    namespaceMutualTLSMode: Object.fromEntries(
      mutualTls
        .filter(({ spec }) => Object.keys(spec.selector?.matchLabels ?? {}).length === 0)
        .map(({ namespace, spec }) => [namespace, spec.mtls?.mode ?? "UNSET"]),
    ),
  };
}

function toNetworks({ endpoints }: MeshSnapshot): object {
  const counts = new Map<string, number>();
  for (const list of endpoints.values())
    for (const { network } of list) counts.set(network, (counts.get(network) ?? 0) + 1);
  return [...counts].sort().map(([network, count]) => ({ network, endpoints: count }));
}
