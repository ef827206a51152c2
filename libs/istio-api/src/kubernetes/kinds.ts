import { integerOrString, port } from "../schema/scalars.ts";
import {
  anything,
  boolean,
  type Infer,
  list,
  map,
  oneOfWords,
  openMessage,
  required,
  string,
  unsigned,
} from "../schema/schema.ts";

/*
 * The parts of Kubernetes' own kinds that the mesh reads, and no more. Other fields are allowed and ignored. From a
 * cluster these objects come validated; from files they may hold anything.
 */

const transport = oneOfWords("TCP", "UDP", "SCTP");

const servicePort = openMessage({
  name: string(),
  port: required(port()),
  protocol: transport,
  appProtocol: string(),
  targetPort: integerOrString(),
});

const serviceSpec = openMessage({
  type: oneOfWords("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
  clusterIP: string(),
  clusterIPs: list(string()),
  externalName: string(),
  selector: map(string()),
  ports: list(servicePort),
  publishNotReadyAddresses: boolean(),
  trafficDistribution: string(),
});

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/ */
export const serviceBody = openMessage({ spec: serviceSpec });

const sliceEndpoint = openMessage({
  addresses: required(list(string())),
  conditions: openMessage({ ready: boolean(), serving: boolean(), terminating: boolean() }),
  hostname: string(),
  nodeName: string(),
  targetRef: openMessage({ kind: string(), name: string(), namespace: string() }),
});

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/ (its fields stand in no spec). */
export const endpointSliceBody = openMessage({
  addressType: oneOfWords("IPv4", "IPv6", "FQDN"),
  endpoints: list(sliceEndpoint),
  ports: list(openMessage({ name: string(), port: port(), protocol: transport })),
});

const container = openMessage({
  name: required(string()),
  ports: list(openMessage({ name: string(), containerPort: required(unsigned()), protocol: transport })),
});

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ */
export const podBody = openMessage({
  spec: openMessage({
    nodeName: string(),
    serviceAccountName: string(),
    hostNetwork: boolean(),
    containers: list(container),
    initContainers: list(container),
  }),
  status: openMessage({
    phase: string(),
    podIP: string(),
    podIPs: list(openMessage({ ip: string() })),
  }),
});

/** Of these kinds only the metadata is read. */
export const metadataOnlyBody = openMessage({ spec: anything() });

/** `spec` of a Service. */
export type ServiceSpec = Infer<typeof serviceSpec>;
/** A port of a Service; `targetPort` is where its pods listen, by number or container port name. */
export type KubernetesServicePort = Infer<typeof servicePort>;
/** An EndpointSlice, which has no spec. */
export type EndpointSliceBody = Infer<typeof endpointSliceBody>;
/** One endpoint of a slice: all its addresses are the same endpoint. */
export type SliceEndpoint = Infer<typeof sliceEndpoint>;
/** `spec` and `status` of a Pod. */
export type PodBody = Infer<typeof podBody>;
