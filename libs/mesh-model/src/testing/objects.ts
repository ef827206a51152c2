import { deepFreeze } from "@weft/base";
import type { MeshObject } from "../object.ts";
import type { ProxyNode } from "../proxy-node.ts";
import type { MeshSnapshot } from "../snapshot.ts";
import { createStore, type StoreOptions } from "../store.ts";

/** Objects for specs: short to write, frozen to the bottom. */
export interface ObjectOptions {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly created?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

const groups: Readonly<Record<string, string>> = {
  EndpointSlice: "discovery.k8s.io/v1",
  Namespace: "v1",
  Node: "v1",
  Pod: "v1",
  Service: "v1",
};

/** An object of any kind; `spec` may be left out where `body` says all. */
export function anObject(
  kind: string,
  name: string,
  spec: unknown = {},
  options: ObjectOptions = {},
): MeshObject {
  const { namespace = "default", labels = {}, annotations = {}, created } = options;
  return deepFreeze({
    apiVersion: groups[kind] ?? "networking.istio.io/v1",
    kind,
    metadata: {
      name,
      namespace: kind === "Node" || kind === "Namespace" ? "" : namespace,
      labels,
      annotations,
      ...(created ? { creationTimestamp: created } : {}),
    },
    body: options.body ?? { spec },
  });
}

/** A service with one HTTP port 80, unless told otherwise. */
export function aService(name: string, options: ObjectOptions & { readonly spec?: object } = {}): MeshObject {
  const spec = {
    clusterIP: "10.0.0.1",
    selector: { app: name },
    ports: [{ name: "http", port: 80, targetPort: 8080 }],
    ...options.spec,
  };
  return anObject("Service", name, spec, options);
}

/** A running pod. */
export function aPod(
  name: string,
  ip: string,
  options: ObjectOptions & { readonly spec?: object } = {},
): MeshObject {
  const spec = {
    nodeName: "node-a",
    serviceAccountName: "sa",
    containers: [{ name: "app" }],
    ...options.spec,
  };
  return anObject("Pod", name, {}, { ...options, body: { spec, status: { phase: "Running", podIP: ip } } });
}

/** A slice of a service with an endpoint for each pod, all on one port. */
export function aSlice(
  service: string,
  pods: readonly (readonly [pod: string, ip: string])[],
  options: { readonly namespace?: string; readonly name?: string; readonly port?: number } = {},
): MeshObject {
  const { namespace = "default", name = `${service}-1`, port = 8080 } = options;
  const endpoints = pods.map(([pod, ip]) => ({
    addresses: [ip],
    targetRef: { kind: "Pod", name: pod, namespace },
  }));
  const body = { addressType: "IPv4", endpoints, ports: [{ name: "http", port }] };
  return anObject(
    "EndpointSlice",
    name,
    {},
    {
      namespace,
      labels: { "kubernetes.io/service-name": service },
      body,
    },
  );
}

/** The snapshot of a set of objects. */
export function snapshotOf(objects: readonly MeshObject[], options?: StoreOptions): MeshSnapshot {
  const store = createStore(options);
  for (const object of objects) store.apply({ kind: "upsert", object });
  return store.snapshot();
}

/** A sidecar in `default`, unless told otherwise. */
export function aNode(overrides: Partial<ProxyNode> = {}): ProxyNode {
  return {
    id: "sidecar~10.1.0.1~client.default~default.svc.cluster.local",
    type: "sidecar",
    ipAddresses: ["10.1.0.1"],
    name: "client.default",
    podName: "client",
    namespace: "default",
    dnsDomain: "default.svc.cluster.local",
    labels: {},
    serviceAccount: "sa",
    clusterId: "Kubernetes",
    meshId: "",
    network: "",
    capturesDns: false,
    interceptionMode: "REDIRECT",
    workloadName: "client",
    metadata: {},
    locality: { region: "", zone: "", subzone: "" },
    ...overrides,
  };
}

/** The same items in another order, by a seed. */
export function shuffled<T>(items: readonly T[], seed: number): readonly T[] {
  const mixed = [...items];
  let state = seed;
  for (let i = mixed.length - 1; i > 0; i--) {
    state = (state * 1103515245 + 12345) % 2147483648;
    const j = state % (i + 1);
    [mixed[i], mixed[j]] = [mixed[j] as T, mixed[i] as T]; // Both indexes are in range.
  }
  return mixed;
}
