import type { EndpointSliceBody, SliceEndpoint } from "@weft/istio-api";
import type { MeshObject } from "../object.ts";
import type { Endpoint } from "../service.ts";
import { withTopologyLabels } from "../topology-labels.ts";
import type { Workload } from "./workload.ts";

/** What stands around an EndpointSlice. */
export interface SliceContext {
  readonly clusterId: string;
  /** Finds a pod by namespace and name. */
  pod(namespace: string, name: string): Workload | undefined;
}

/** Name of the service an EndpointSlice belongs to; undefined where it tells none. */
export function serviceOfSlice(slice: MeshObject): string | undefined {
  return slice.metadata.labels["kubernetes.io/service-name"];
}

/** The pods a slice names, as `namespace/name`. */
export function podsOfSlice(slice: MeshObject): readonly string[] {
  const { endpoints } = slice.body as EndpointSliceBody; // Kubernetes has validated its own kinds.
  return (endpoints ?? []).flatMap(({ targetRef }) =>
    targetRef?.kind === "Pod" && targetRef.name !== undefined
      ? [`${targetRef.namespace ?? slice.metadata.namespace}/${targetRef.name}`]
      : [],
  );
}

/**
 * Reads the endpoints of a slice: one for each address and port. An endpoint whose pod is not known (yet) is left
 * out, as without the pod neither its labels nor its identity are known.
 */
export function readSlice(slice: MeshObject, context: SliceContext): readonly Endpoint[] {
  const body = slice.body as EndpointSliceBody; // Kubernetes has validated its own kinds.
  if (body.addressType === "FQDN") return [];
  const found: Endpoint[] = [];
  for (const endpoint of body.endpoints ?? []) {
    const reference = endpoint.targetRef?.kind === "Pod" ? endpoint.targetRef : undefined;
    const pod =
      reference?.name === undefined
        ? undefined
        : context.pod(reference.namespace ?? slice.metadata.namespace, reference.name);
    if (reference !== undefined && pod === undefined) continue;
    const shared = sharedFields(endpoint, pod, context.clusterId);
    for (const address of endpoint.addresses) {
      for (const port of body.ports ?? []) {
        if (port.port === undefined || port.port === null) continue;
        found.push({ address, port: port.port, servicePortName: port.name ?? "", ...shared });
      }
    }
  }
  return found;
}

type SharedFields = Omit<Endpoint, "address" | "port" | "servicePortName">;

function sharedFields(endpoint: SliceEndpoint, pod: Workload | undefined, clusterId: string): SharedFields {
  const own = pod?.labels ?? {};
  const locality = pod?.locality ?? { region: "", zone: "", subzone: "" };
  const network = own["topology.istio.io/network"] ?? "";
  const nodeName = pod?.nodeName || endpoint.nodeName;
  return {
    health: healthOf(endpoint),
    weight: 1,
    locality,
    labels: withTopologyLabels(own, { locality, clusterId, network, nodeName: nodeName ?? "" }),
    namespace: pod?.namespace ?? "",
    serviceAccount: pod?.serviceAccount ?? "",
    workloadName: pod?.name ?? "",
    canonicalName: first(own, "service.istio.io/canonical-name", "app.kubernetes.io/name", "app"),
    canonicalRevision: first(
      own,
      "service.istio.io/canonical-revision",
      "app.kubernetes.io/version",
      "version",
    ),
    tlsMode: own["security.istio.io/tlsMode"] === "istio" ? "istio" : "disabled",
    clusterId,
    network,
    ...(nodeName ? { nodeName } : {}),
    ...(pod ? { podName: pod.podName } : {}),
    ...(endpoint.hostname ? { hostname: endpoint.hostname } : {}),
  };
}

function first(labels: Readonly<Record<string, string>>, ...names: readonly string[]): string {
  for (const name of names) if (labels[name] !== undefined) return labels[name];
  return "";
}

/** Unset conditions count as ready: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions */
function healthOf({ conditions }: SliceEndpoint): Endpoint["health"] {
  if (conditions?.ready !== false) return "HEALTHY";
  return conditions.serving && conditions.terminating ? "DRAINING" : "UNHEALTHY";
}

const severity = { HEALTHY: 0, DRAINING: 1, UNHEALTHY: 2 } as const;

/**
 * Joins the slices of one service: the same address and port of the same service port counts once (while slices are
 * rearranged an endpoint may stand in two), the healthier wins; sorted by address and port.
 */
export function joinSlices(slices: readonly (readonly Endpoint[])[]): readonly Endpoint[] {
  const byAddress = new Map<string, Endpoint>();
  for (const slice of slices) {
    for (const endpoint of slice) {
      const key = `${endpoint.address}|${endpoint.port}|${endpoint.servicePortName}`;
      const other = byAddress.get(key);
      if (other === undefined || severity[endpoint.health] < severity[other.health])
        byAddress.set(key, endpoint);
    }
  }
  return [...byAddress.entries()]
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, endpoint]) => endpoint);
}
