import { typeUrls } from "@weft/envoy-api";
import type { NodeInput } from "@weft/mesh-model";
import { parseText, snapshotOf, viewOf } from "./testing/mesh.ts";
import { createTranslator, translate } from "./translate.ts";

// Everything that may make the outbound side of two proxies of one namespace differ.
const snapshot = snapshotOf(
  parseText(`
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.10, selector: { app: web }, ports: [{ name: http, port: 8000 }] }
---
apiVersion: v1
kind: Service
metadata: { name: db }
spec: { clusterIP: None, selector: { app: db }, ports: [{ name: tcp, port: 5432 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: db-1, labels: { kubernetes.io/service-name: db } }
addressType: IPv4
endpoints: [{ addresses: [10.0.0.1], conditions: { ready: true } }, { addresses: [10.0.0.2], conditions: { ready: true } }]
ports: [{ name: tcp, port: 5432 }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec:
  hosts: [web]
  http:
    - match: [{ sourceLabels: { app: a } }]
      timeout: 1s
      route: [{ destination: { host: web } }]
    - route: [{ destination: { host: web } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web }
spec:
  host: web
  workloadSelector: { matchLabels: { app: b } }
  trafficPolicy: { outlierDetection: { consecutive5xxErrors: 1 } }
---
apiVersion: v1
kind: Service
metadata: { name: shop }
spec: { clusterIP: 10.96.0.11, selector: { app: shop }, ports: [{ name: http, port: 8000 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: shop-1, labels: { kubernetes.io/service-name: shop } }
addressType: IPv4
endpoints:
  - { addresses: [10.0.1.1], conditions: { ready: true }, targetRef: { kind: Pod, name: shop-1 } }
  - { addresses: [10.0.1.2], conditions: { ready: true } }
ports: [{ name: http, port: 8000 }]
---
apiVersion: v1
kind: Pod
metadata: { name: shop-1, labels: { app: shop, tier: gold } }
spec: { containers: [] }
status: { podIP: 10.0.1.1 }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: shop }
spec:
  host: shop
  trafficPolicy:
    outlierDetection: { consecutive5xxErrors: 1 }
    loadBalancer: { localityLbSetting: { failoverPriority: [tier, topology.istio.io/network] } }
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: patch }
spec:
  workloadSelector: { labels: { app: patched } }
  configPatches:
    - applyTo: CLUSTER
      match: { context: SIDECAR_OUTBOUND, proxy: { metadata: { TEAM: blue } } }
      patch: { operation: MERGE, value: { connect_timeout: 1s } }
`),
);

function node(ip: string, metadata: object = {}, over: Partial<NodeInput> = {}): NodeInput {
  return {
    id: `sidecar~${ip}~p-${ip}.default~default.svc.cluster.local`,
    metadata: { ...metadata },
    ...over,
  };
}

const nodes: readonly (readonly [string, NodeInput])[] = [
  ["plain", node("10.0.0.9")],
  ["on the address of an endpoint", node("10.0.0.1")],
  ["on the address of another", node("10.0.0.2")],
  ["named by a route", node("10.0.0.9", { LABELS: { app: "a" } })],
  ["selected by a rule", node("10.0.0.9", { LABELS: { app: "b" } })],
  ["of a tier", node("10.0.0.9", { LABELS: { tier: "gold" } })],
  ["of another network", node("10.0.0.9", { NETWORK: "far" })],
  ["with a patch", node("10.0.0.9", { LABELS: { app: "patched" }, TEAM: "blue" })],
  ["that a patch is nearly for", node("10.0.0.9", { LABELS: { app: "patched" }, TEAM: "red" })],
  ["with certificates", node("10.0.0.9", { LABELS: { "security.istio.io/tlsMode": "istio" } })],
  ["of Istio's build", node("10.0.0.9", { ISTIO_VERSION: "1.29.0" })],
  ["without interception", node("10.0.0.9", { INTERCEPTION_MODE: "NONE" })],
  ["with a forward proxy", node("10.0.0.9", { HTTP_PROXY_PORT: "15002" })],
  ["that takes HTTP/1.0", node("10.0.0.9", { HTTP10: "1" })],
  [
    "of another DNS domain",
    { ...node("10.0.0.9"), id: "sidecar~10.0.0.9~p.default~other.svc.cluster.local" },
  ],
  [
    "somewhere else",
    node("10.0.0.9", { LABELS: { app: "b" } }, { locality: { region: "r", zone: "z", subzone: "" } }),
  ],
  ["a gateway", { ...node("10.0.0.9"), id: "router~10.0.0.9~p.default~default.svc.cluster.local" }],
];

describe("outboundVariant()", () => {
  const translator = createTranslator();
  // Each is asked for after all the others have left their traces.
  it.each([...nodes, ...nodes.toReversed()])("keeps apart what differs for a proxy %s", (_, input) => {
    const view = viewOf(snapshot, input);
    expect(translator.translate(view).value.version).toBe(translate(view).value.version);
  });

  it("is put to the test: these differ", () => {
    const version = (name: string) => {
      const input = nodes.find(([known]) => known === name)?.[1] ?? node("");
      return translate(viewOf(snapshot, input)).value.version;
    };
    for (const name of ["of a tier", "with a patch"]) expect(version(name)).not.toBe(version("plain"));
  });

  it("shares what does not differ, whatever telemetry calls the workloads", () => {
    const [a, b] = ["10.0.0.8", "10.0.0.9"].map(
      (ip) => translator.translate(viewOf(snapshot, node(ip, { MESH_ID: ip }))).value,
    );
    for (const typeUrl of [typeUrls.endpoint, typeUrls.route])
      expect(a?.ofType(typeUrl)).toBe(b?.ofType(typeUrl));
  });
});
