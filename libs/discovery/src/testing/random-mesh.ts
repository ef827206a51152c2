import { defaultMeshConfig, type MeshConfig } from "@weft/istio-api";
import type { MeshObject } from "@weft/mesh-model";

/** Draws from a seeded generator of numbers in [0, 1). */
export class Draw {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T; // callers give at least one
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  some<T>(items: readonly T[], share = 0.5): T[] {
    return items.filter(() => this.chance(share));
  }
}

const namespaces = ["a", "b"];
const hosts = (draw: Draw) => `s${draw.below(4)}.${draw.one(namespaces)}.svc.cluster.local`;
const visibility = (draw: Draw) => (draw.chance(0.3) ? { exportTo: [draw.one([".", "*", "a", "b"])] } : {});
const label = (draw: Draw) => ({ app: `s${draw.below(4)}`, version: `v${1 + draw.below(2)}` });

function made(
  apiVersion: string,
  kind: string,
  of: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  },
  body: Record<string, unknown>,
): MeshObject {
  const metadata = {
    namespace: "",
    labels: {},
    annotations: {},
    creationTimestamp: "2020-01-01T00:00:00Z",
    ...of,
  };
  return { apiVersion, kind, metadata, body };
}

const networking = "networking.istio.io/v1";
const security = "security.istio.io/v1";

const service = (draw: Draw): MeshObject => {
  const name = `s${draw.below(4)}`;
  const clusterIP = draw.chance(0.25) ? "None" : `10.96.0.${draw.below(9)}`;
  const port = { name: draw.one(["http", "grpc", "tcp"]), port: draw.one([80, 8080]), targetPort: 8080 };
  const second = draw.chance(0.3) ? [{ name: "tcp-second", port: 9000 }] : [];
  const annotations: Record<string, string> = draw.chance(0.2) ? { "networking.istio.io/exportTo": "." } : {};
  return made(
    "v1",
    "Service",
    { name, namespace: draw.one(namespaces), annotations },
    {
      spec: { clusterIP, ...(draw.chance(0.8) ? { selector: { app: name } } : {}), ports: [port, ...second] },
    },
  );
};

const slice = (draw: Draw): MeshObject => {
  const name = `s${draw.below(4)}`;
  const namespace = draw.one(namespaces);
  const endpoints = draw.some([1, 2, 3, 4]).map((i) => ({
    addresses: [`10.0.0.${i}`],
    conditions: { ready: draw.chance(0.8) },
    ...(draw.chance(0.5) ? { targetRef: { kind: "Pod", name: `pod-${i}`, namespace } } : {}),
    ...(draw.chance(0.2) ? { hostname: `h-${i}` } : {}),
  }));
  const labels = { "kubernetes.io/service-name": name };
  const ports = [{ name: draw.one(["http", "grpc", "tcp"]), port: 8080 }];
  return made(
    "discovery.k8s.io/v1",
    "EndpointSlice",
    { name: `${name}-${draw.below(2)}`, namespace, labels },
    {
      addressType: "IPv4",
      endpoints,
      ports,
    },
  );
};

const pod = (draw: Draw): MeshObject => {
  const i = 1 + draw.below(5);
  const labels = { ...label(draw), ...(draw.chance(0.5) ? { "security.istio.io/tlsMode": "istio" } : {}) };
  return made(
    "v1",
    "Pod",
    { name: `pod-${i}`, namespace: draw.one(namespaces), labels },
    {
      spec: {
        nodeName: draw.one(["n1", "n2"]),
        serviceAccountName: draw.one(["x", "y"]),
        containers: [{ name: "c" }],
      },
      status: { phase: "Running", podIP: `10.0.0.${i}` },
    },
  );
};

const node = (draw: Draw): MeshObject => {
  const labels = {
    "topology.kubernetes.io/region": "r",
    "topology.kubernetes.io/zone": draw.one(["z1", "z2"]),
  };
  return made("v1", "Node", { name: draw.one(["n1", "n2"]), labels }, {});
};

const serviceEntry = (draw: Draw): MeshObject => {
  const host = draw.one(["one.example.com", "two.example.com", hosts(draw)]);
  const resolution = draw.one(["STATIC", "DNS", "NONE"]);
  const endpoints = draw
    .some(["10.9.0.1", "10.9.0.2", "10.0.0.9"])
    .map((address) => ({ address, labels: label(draw) }));
  const selects = resolution === "STATIC" && draw.chance(0.3);
  return made(
    networking,
    "ServiceEntry",
    { name: `e${draw.below(3)}`, namespace: draw.one(namespaces) },
    {
      spec: {
        hosts: [host],
        location: draw.one(["MESH_EXTERNAL", "MESH_INTERNAL"]),
        resolution,
        ports: [{ number: draw.one([80, 443]), name: "http", protocol: draw.one(["HTTP", "TCP"]) }],
        ...(draw.chance(0.5) ? { addresses: [`240.0.0.${draw.below(4)}`] } : {}),
        ...(selects
          ? { workloadSelector: { labels: { app: "s0" } } }
          : resolution === "NONE"
            ? {}
            : { endpoints }),
        ...visibility(draw),
      },
    },
  );
};

const workloadEntry = (draw: Draw): MeshObject =>
  made(
    networking,
    "WorkloadEntry",
    { name: `w${draw.below(2)}`, namespace: draw.one(namespaces) },
    {
      spec: { address: `10.8.0.${draw.below(3)}`, labels: { app: "s0" } },
    },
  );

const destination = (draw: Draw) => ({
  host: draw.one([hosts(draw), hosts(draw), "one.example.com", `s${draw.below(4)}`]),
  ...(draw.chance(0.4) ? { subset: "v1" } : {}),
});

const virtualService = (draw: Draw): MeshObject => {
  const weight = draw.below(101);
  const route = {
    route: [
      { destination: destination(draw), weight },
      { destination: destination(draw), weight: 100 - weight },
    ],
    ...(draw.chance(0.2) ? { timeout: `${1 + draw.below(3)}s` } : {}),
    ...(draw.chance(0.2) ? { match: [{ sourceLabels: label(draw) }] } : {}),
    ...(draw.chance(0.1) ? { mirror: destination(draw) } : {}),
  };
  const delegating = {
    match: [{ uri: { prefix: "/d" } }],
    delegate: { name: "d", namespace: draw.one(namespaces) },
  };
  return made(
    networking,
    "VirtualService",
    { name: `v${draw.below(4)}`, namespace: draw.one(namespaces) },
    {
      spec: {
        hosts: [
          draw.one([hosts(draw), hosts(draw), "*.b.svc.cluster.local", "one.example.com", "own.example.com"]),
        ],
        ...(draw.chance(0.4) ? { gateways: draw.some(["mesh", "a/gateway"], 0.7) } : {}),
        http: draw.chance(0.2) ? [delegating, route] : [route],
        ...visibility(draw),
      },
    },
  );
};

const delegate = (draw: Draw): MeshObject =>
  made(
    networking,
    "VirtualService",
    { name: "d", namespace: draw.one(namespaces) },
    {
      spec: {
        http: [{ name: `d${draw.below(3)}`, route: [{ destination: destination(draw) }] }],
        ...visibility(draw),
      },
    },
  );

const destinationRule = (draw: Draw): MeshObject => {
  const trafficPolicy = draw.one([
    { loadBalancer: { simple: "RANDOM" } },
    { loadBalancer: { consistentHash: { httpHeaderName: "x" } } },
    { connectionPool: { tcp: { maxConnections: 1 + draw.below(9), idleTimeout: "7s" } } },
    { tls: { mode: draw.one(["ISTIO_MUTUAL", "SIMPLE", "DISABLE"]) } },
    { outlierDetection: { consecutive5xxErrors: 3 }, loadBalancer: { localityLbSetting: { enabled: true } } },
  ]);
  return made(
    networking,
    "DestinationRule",
    { name: `r${draw.below(4)}`, namespace: draw.one([...namespaces, "istio-system"]) },
    {
      spec: {
        host: draw.one([hosts(draw), hosts(draw), "*.a.svc.cluster.local", "*", "one.example.com"]),
        trafficPolicy,
        ...(draw.chance(0.6) ? { subsets: [{ name: "v1", labels: { version: "v1" } }] } : {}),
        ...(draw.chance(0.2) ? { workloadSelector: { matchLabels: { app: "s1" } } } : {}),
        ...visibility(draw),
      },
    },
  );
};

const sidecar = (draw: Draw): MeshObject => {
  const imported = [`./*`, "b/*", "a/s1.a.svc.cluster.local", "*/one.example.com", "*/*.b.svc.cluster.local"];
  const chosen = draw.some(imported);
  const ingress = [
    { port: { number: 8080, protocol: "HTTP", name: "in" }, defaultEndpoint: "127.0.0.1:9090" },
  ];
  return made(
    networking,
    "Sidecar",
    { name: `c${draw.below(2)}`, namespace: draw.one([...namespaces, "istio-system"]) },
    {
      spec: {
        ...(draw.chance(0.4) ? { workloadSelector: { labels: { app: "s0" } } } : {}),
        egress: [{ hosts: chosen.length > 0 ? chosen : ["./*"] }],
        ...(draw.chance(0.2) ? { ingress } : {}),
        ...(draw.chance(0.3) ? { outboundTrafficPolicy: { mode: "REGISTRY_ONLY" } } : {}),
      },
    },
  );
};

const gateway = (draw: Draw): MeshObject => {
  const servers = [
    {
      port: { number: draw.one([80, 8080]), name: "http", protocol: "HTTP" },
      hosts: [draw.one(["*", "own.example.com"])],
    },
    {
      port: { number: 15443, name: "tls", protocol: "TLS" },
      hosts: ["*.local"],
      tls: { mode: "AUTO_PASSTHROUGH" },
    },
  ];
  return made(
    networking,
    "Gateway",
    { name: "gateway", namespace: "a" },
    {
      spec: { selector: { istio: "gateway" }, servers: draw.chance(0.5) ? servers : servers.slice(0, 1) },
    },
  );
};

const policy = (draw: Draw): MeshObject => {
  const where = { name: `p${draw.below(2)}`, namespace: draw.one([...namespaces, "istio-system"]) };
  const selector = draw.chance(0.4) ? { selector: { matchLabels: { app: `s${draw.below(4)}` } } } : {};
  if (draw.chance(0.6))
    return made(security, "PeerAuthentication", where, {
      spec: { ...selector, mtls: { mode: draw.one(["STRICT", "PERMISSIVE", "DISABLE"]) } },
    });
  return made(security, "AuthorizationPolicy", where, {
    spec: {
      ...selector,
      action: draw.one(["ALLOW", "DENY"]),
      rules: [{ to: [{ operation: { methods: ["GET"] } }] }],
    },
  });
};

const envoyFilter = (draw: Draw): MeshObject => {
  const patch = draw.one([
    {
      applyTo: "CLUSTER",
      match: {},
      patch: { operation: "MERGE", value: { connect_timeout: `${1 + draw.below(5)}s` } },
    },
    {
      applyTo: "LISTENER",
      match: {},
      patch: { operation: "MERGE", value: { stat_prefix: `x${draw.below(3)}` } },
    },
  ]);
  return made(
    "networking.istio.io/v1alpha3",
    "EnvoyFilter",
    { name: "f", namespace: draw.one(["b", "istio-system"]) },
    {
      spec: { configPatches: [patch] },
    },
  );
};

/** The mesh configuration that goes with the objects: a provider that one of the services is. */
export const meshConfig: MeshConfig = {
  ...defaultMeshConfig,
  extensionProviders: [
    { name: "checker", envoyExtAuthzHttp: { service: "s1.a.svc.cluster.local", port: 80 } },
  ],
};

/** Kinds, and how often they change: endpoints all the time, most others now and then. */
const kinds: readonly (readonly [weight: number, make: (draw: Draw) => MeshObject])[] = [
  [8, slice],
  [5, pod],
  [4, service],
  [4, virtualService],
  [3, destinationRule],
  [2, serviceEntry],
  [2, sidecar],
  [1, delegate],
  [1, workloadEntry],
  [1, gateway],
  [1, policy],
  [1, envoyFilter],
  [1, node],
];
const wheel = kinds.flatMap(([weight, make]) => Array.from({ length: weight }, () => make));

/** An object that may stand for another version of one drawn before: there are few names. */
export function randomObject(draw: Draw): MeshObject {
  return draw.one(wheel)(draw);
}

/** The same of what comes and goes with workloads: slices, and pods. */
export function randomEndpoints(draw: Draw): MeshObject {
  return draw.one([slice, slice, slice, pod])(draw);
}

/** What gateways listen for. */
export { gateway as randomGateway };
