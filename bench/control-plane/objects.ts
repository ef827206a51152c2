import type { Scenario } from "./scenarios.ts";

/** A Kubernetes object as it stands in a file. */
export type KubernetesObject = Readonly<Record<string, unknown>>;

const namespace = "default";
/** Proxies that share a namespace and its Sidecar. */
export const proxiesPerNamespace = 20;

/** Name of the i-th service. */
export function serviceName(i: number): string {
  return `svc-${String(i).padStart(5, "0")}`;
}

/** Host of the i-th service. */
export function serviceHost(i: number): string {
  return `${serviceName(i)}.${namespace}.svc.cluster.local`;
}

/** Namespace of the i-th proxy: one for all of them, or one for each {@link proxiesPerNamespace} with a Sidecar. */
export function proxyNamespace(scenario: Scenario, i: number): string {
  return scenario.sidecarScope === undefined ? namespace : `team-${Math.floor(i / proxiesPerNamespace)}`;
}

/** A service. */
export function service(scenario: Scenario, i: number): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: serviceName(i), namespace },
    spec: {
      clusterIP: `10.${96 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`,
      selector: { app: serviceName(i) },
      ports: portNumbers(scenario).map((port, p) => ({
        name: portName(p),
        port,
        targetPort: port,
        protocol: "TCP",
      })),
    },
  };
}

function portNumbers({ ports }: Scenario): readonly number[] {
  return Array.from({ length: ports }, (_, p) => 8080 + p);
}

function portName(p: number): string {
  return p === 1 ? "grpc" : p === 0 ? "http" : `http-${p}`;
}

/** The endpoints of a service; `extra` is the address of one more, which makes every round of changes another. */
export function endpointSlice(scenario: Scenario, i: number, extra?: string): KubernetesObject {
  const address = (e: number) => `10.${128 + e}.${(i >> 8) & 255}.${i & 255}`;
  const addresses = Array.from({ length: scenario.endpoints }, (_, e) => address(e));
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${serviceName(i)}-1`,
      namespace,
      labels: { "kubernetes.io/service-name": serviceName(i) },
    },
    addressType: "IPv4",
    endpoints: [...addresses, ...(extra === undefined ? [] : [extra])].map((ip) => ({
      addresses: [ip],
      conditions: { ready: true, serving: true, terminating: false },
    })),
    ports: portNumbers(scenario).map((port, p) => ({ name: portName(p), port, protocol: "TCP" })),
  };
}

/** The route of a service; `mark` stands in it as the value of a header, which makes every round another. */
export function virtualService(i: number, mark = "none"): KubernetesObject {
  const host = serviceName(i);
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: host, namespace },
    spec: {
      hosts: [host],
      http: [
        {
          match: [{ headers: { "x-bench": { exact: mark } } }],
          route: [{ destination: { host, subset: "v2" } }],
        },
        { route: [{ destination: { host, subset: "v1" } }], timeout: "5s" },
      ],
    },
  };
}

/** The DestinationRule of a service. */
export function destinationRule(i: number): KubernetesObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: serviceName(i), namespace },
    spec: {
      host: serviceName(i),
      trafficPolicy: { connectionPool: { http: { http2MaxRequests: 100 } } },
      subsets: [
        { name: "v1", labels: { version: "v1" } },
        { name: "v2", labels: { version: "v2" } },
      ],
    },
  };
}

/** The services that the Sidecar of a proxy's namespace imports: its share of them, wherever that begins. */
export function importedServices(scenario: Scenario, team: number): readonly number[] {
  const { sidecarScope = 0, services } = scenario;
  return Array.from({ length: sidecarScope }, (_, k) => (team * sidecarScope + k) % services);
}

function sidecar(scenario: Scenario, team: number): KubernetesObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata: { name: "default", namespace: `team-${team}` },
    spec: {
      egress: [{ hosts: importedServices(scenario, team).map((i) => `${namespace}/${serviceHost(i)}`) }],
    },
  };
}

/** A file of configuration. */
export interface ConfigFile {
  readonly name: string;
  readonly objects: readonly KubernetesObject[];
}

/** Services in one file. */
const perFile = 100;

/**
 * The whole configuration: services and endpoints by the hundred, as a source that holds many has them; each route, and the endpoints
 * of the first service, in a file of their own, as these are what changes.
 */
export function configFiles(scenario: Scenario): readonly ConfigFile[] {
  const indices = Array.from({ length: scenario.services }, (_, i) => i);
  const files: ConfigFile[] = [];
  for (let start = 0; start < scenario.services; start += perFile) {
    const some = indices.slice(start, start + perFile);
    const name = String(start).padStart(5, "0");
    files.push({ name: `services-${name}.json`, objects: some.map((i) => service(scenario, i)) });
    const slices = some.filter((i) => !ownSlice(i)).map((i) => endpointSlice(scenario, i));
    files.push({ name: `endpoints-${name}.json`, objects: slices });
    const rules = some.filter((i) => i % scenario.everyNthRule === 0).map(destinationRule);
    files.push({ name: `rules-${name}.json`, objects: rules });
    const routes = some.filter((i) => !ownRoute(i) && i % scenario.everyNthRule === 0);
    files.push({ name: `routes-${name}.json`, objects: routes.map((i) => virtualService(i)) });
  }
  files.push({ name: "route.json", objects: [virtualService(0)] });
  files.push({ name: "endpoints.json", objects: [endpointSlice(scenario, 0)] });
  if (scenario.sidecarScope !== undefined) {
    const teams = Math.ceil(scenario.proxies / proxiesPerNamespace);
    const sidecars = Array.from({ length: teams }, (_, team) => sidecar(scenario, team));
    files.push({ name: "sidecars.json", objects: sidecars });
  }
  return files.filter(({ objects }) => objects.length > 0);
}

/** What changes has a file of its own. */
const ownSlice = (i: number): boolean => i === 0;
const ownRoute = (i: number): boolean => i === 0;

/** The text of a file. */
export function toText(objects: readonly KubernetesObject[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
}
