import type { Manifest, SourcedManifest } from "./manifests.ts";
import { selects, templateHashLabel, type Workload } from "./workloads.ts";

/** A workload with the addresses it got on this machine. */
export interface PlacedWorkload extends Workload {
  /** Loopback address that stands for the pod's IP; its proxy binds it. */
  readonly podIp: string;
  /** Where the app itself listens, on 127.0.0.1, by container port. */
  readonly appPorts: ReadonlyMap<number, number>;
}

/** The ingress gateway: a proxy with no app beside it. */
export interface PlacedGateway {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Labels that its Service and Gateways select it by. */
  readonly selector: Readonly<Record<string, string>>;
  readonly podIp: string;
  /** Where port 80 of its Service leads. */
  readonly httpPort: number;
}

/** Port of the forward proxy that an app's outgoing requests take, on its pod's IP. */
export const outboundPort = 15002;

/** Name of the only Node: this machine. */
const nodeName = "local";

/** All that the mesh is told besides the user's own configuration. */
export interface MeshObjectsInput {
  readonly manifests: readonly SourcedManifest[];
  readonly workloads: readonly PlacedWorkload[];
  readonly gateway: PlacedGateway;
}

/**
 * The objects that a cluster would have for these workloads (Namespace, Node, Pod, Service with its address, EndpointSlice,
 * ServiceAccount), and a Sidecar per workload that binds the pod's ports where nothing can intercept them.
 */
export function buildMeshObjects(input: MeshObjectsInput): Manifest[] {
  const { workloads, gateway } = input;
  const services = [
    ...input.manifests
      .filter(({ object }) => object.kind === "Service")
      .map(({ object }) => ({ ...object, metadata: { namespace: "default", ...object.metadata } })),
    gatewayService(gateway),
  ].map(withClusterIp);
  const pods: PodLike[] = [...workloads, { ...gateway, containers: [] }];
  const namespaces = new Set([
    ...services.map(({ metadata }) => metadata.namespace ?? "default"),
    ...pods.map((pod) => pod.namespace),
  ]);
  const serviceAccounts = new Map(
    pods.map((pod) => [
      `${pod.namespace}/${pod.serviceAccount}`,
      object("v1", "ServiceAccount", { name: pod.serviceAccount, namespace: pod.namespace }),
    ]),
  );
  return [
    ...[...namespaces].sort().map((name) => object("v1", "Namespace", { name })),
    node(),
    ...serviceAccounts.values(),
    ...services,
    ...pods.map(pod),
    ...services.map((service) => endpointSlice(service, input)),
    ...workloads.map(sidecar),
  ];
}

function object(
  apiVersion: string,
  kind: string,
  metadata: Manifest["metadata"],
  rest: object = {},
): Manifest {
  return { apiVersion, kind, metadata, ...rest };
}

function node(): Manifest {
  const labels = { "topology.kubernetes.io/region": "local", "topology.kubernetes.io/zone": "local" };
  return object("v1", "Node", { name: nodeName, labels });
}

function gatewayService(gateway: PlacedGateway): Manifest {
  return object(
    "v1",
    "Service",
    { name: "istio-ingressgateway", namespace: gateway.namespace, labels: gateway.selector },
    {
      spec: {
        type: "LoadBalancer",
        selector: gateway.selector,
        ports: [{ name: "http2", port: 80, targetPort: gateway.httpPort }],
      },
    },
  );
}

/** Kubernetes gives every Service an address; nothing here routes to it, it only names the service in routes. */
function withClusterIp(service: Manifest, index: number): Manifest {
  const spec = (service.spec ?? {}) as { clusterIP?: string; type?: string };
  if (spec.clusterIP !== undefined || spec.type === "ExternalName") return service;
  return {
    ...service,
    spec: { ...spec, clusterIP: `10.96.${Math.floor(index / 250)}.${(index % 250) + 1}` },
  };
}

/** What a workload and the gateway have in common. */
type PodLike = Omit<Workload, "deployment" | "title"> & {
  readonly deployment?: string;
  readonly podIp: string;
};

function pod(workload: PodLike): Manifest {
  const { name, namespace, labels, deployment } = workload;
  const replicaSet = `${deployment}-${labels[templateHashLabel]}`;
  return object(
    "v1",
    "Pod",
    {
      name,
      namespace,
      labels,
      ...(deployment !== undefined && {
        ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: replicaSet, controller: true }],
      }),
    },
    {
      spec: {
        nodeName,
        serviceAccountName: workload.serviceAccount,
        containers: workload.containers.map(({ name, ports }) => ({
          name,
          ports: ports.map((port) => ({
            ...(port.name !== "" && { name: port.name }),
            containerPort: port.port,
          })),
        })),
      },
      status: {
        phase: "Running",
        podIP: workload.podIp,
        podIPs: [{ ip: workload.podIp }],
        conditions: [{ type: "Ready", status: "True" }],
      },
    },
  );
}

interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
}

function endpointSlice(service: Manifest, { workloads, gateway }: MeshObjectsInput): Manifest {
  const { name, namespace = "default" } = service.metadata;
  const { selector, ports = [] } = (service.spec ?? {}) as {
    selector?: Record<string, string>;
    ports?: readonly ServicePort[];
  };
  const selected = [...workloads, { ...gateway, containers: [] }].filter(
    (pod) => pod.namespace === namespace && selects(selector, pod.labels),
  );
  const named = (wanted: string) =>
    selected
      .flatMap((pod) => pod.containers)
      .flatMap((container) => container.ports)
      .find((port) => port.name === wanted)?.port;
  return object(
    "discovery.k8s.io/v1",
    "EndpointSlice",
    { name: `${name}-local`, namespace, labels: { "kubernetes.io/service-name": name } },
    {
      addressType: "IPv4",
      endpoints: selected.map((pod) => ({
        addresses: [pod.podIp],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName,
        zone: "local",
        targetRef: { kind: "Pod", name: pod.name, namespace: pod.namespace },
      })),
      ports: ports.flatMap(({ name = "", port, targetPort = port }) => {
        const number = typeof targetPort === "number" ? targetPort : named(targetPort);
        return number === undefined ? [] : [{ name, port: number, protocol: "TCP" }];
      }),
    },
  );
}

/** Without interception a proxy's ports must be its own: the pod's on its IP, and a forward proxy for what goes out. */
function sidecar(workload: PlacedWorkload): Manifest {
  const bind = workload.podIp;
  const ports = workload.containers.flatMap((container) => container.ports);
  return object(
    "networking.istio.io/v1",
    "Sidecar",
    { name: workload.name, namespace: workload.namespace },
    {
      spec: {
        workloadSelector: { labels: workload.labels },
        ingress: ports.map(({ name, port, protocol }) => ({
          port: { number: port, protocol, name: name === "" ? `${protocol.toLowerCase()}-${port}` : name },
          bind,
          captureMode: "NONE",
          defaultEndpoint: `127.0.0.1:${workload.appPorts.get(port)}`,
        })),
        egress: [
          {
            port: { number: outboundPort, protocol: "HTTP_PROXY", name: "http-proxy" },
            bind,
            captureMode: "NONE",
            hosts: ["*/*"],
          },
        ],
      },
    },
  );
}
