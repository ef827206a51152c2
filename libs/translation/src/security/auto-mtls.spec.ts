import { createStore } from "@weft/mesh-model";
import { resourcesToJson } from "../resources/to-json.ts";
import { parseText, viewOf } from "../testing/mesh.ts";
import { createTranslator } from "../translate.ts";

const pod = (version: string, address: string) => `
apiVersion: v1
kind: Pod
metadata:
  name: web-${version}
  namespace: default
  labels: { app: web, version: ${version}, security.istio.io/tlsMode: istio }
spec: { serviceAccountName: web, containers: [{ name: web, image: web }] }
status: { phase: Running, podIP: ${address} }
`;
const mesh = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { clusterIP: 10.96.0.6, selector: { app: web }, ports: [{ name: http, port: 80, targetPort: http }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web, namespace: default, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints:
  - { addresses: [10.0.0.1], conditions: { ready: true }, targetRef: { kind: Pod, name: web-v1, namespace: default } }
  - { addresses: [10.0.0.2], conditions: { ready: true }, targetRef: { kind: Pod, name: web-v2, namespace: default } }
ports: [{ name: http, port: 8080 }]
---${pod("v1", "10.0.0.1")}---${pod("v2", "10.0.0.2")}`;

const policy = (spec: string, namespace = "default") => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: policy, namespace: ${namespace} }
spec: ${spec}
`;

const node = {
  id: "sidecar~10.0.0.9~client-1.default~default.svc.cluster.local",
  metadata: { LABELS: { "security.istio.io/tlsMode": "istio" } },
};
const cluster = "outbound|80||web.default.svc.cluster.local";

describe("automatic mutual TLS", () => {
  const store = createStore();
  for (const object of parseText(mesh)) store.apply({ kind: "upsert", object });
  // One translator for all: what is remembered must not outlive a policy.
  const translator = createTranslator();

  /** Addresses that are sent to over mutual TLS; "none" where the cluster knows plain text alone. */
  const secured = () => {
    const { value } = translator.translate(viewOf(store.snapshot(), node));
    const { clusters, endpoints } = resourcesToJson(value);
    if (!JSON.stringify(clusters[cluster]).includes("tlsMode-istio")) return "none";
    return [
      ...JSON.stringify(endpoints[cluster]).matchAll(/"address":"([\d.]+)".*?"metadata":(\{.*?\}\}\})/g),
    ]
      .filter(([, , metadata]) => metadata?.includes('"tlsMode":"istio"'))
      .map(([, address]) => address);
  };

  it.each([
    ["{ mtls: { mode: PERMISSIVE } }", ["10.0.0.1", "10.0.0.2"]],
    ["{ selector: { matchLabels: { version: v1 } }, mtls: { mode: DISABLE } }", ["10.0.0.2"]],
    [
      '{ selector: { matchLabels: { app: web, version: v2 } }, mtls: { mode: STRICT }, portLevelMtls: { "8080": { mode: DISABLE } } }',
      ["10.0.0.1"],
    ],
    [
      '{ selector: { matchLabels: { version: v2 } }, portLevelMtls: { "9090": { mode: DISABLE } } }',
      ["10.0.0.1", "10.0.0.2"],
    ],
    ["{ mtls: { mode: DISABLE } }", "none"],
    ["{ selector: { matchLabels: { app: other } }, mtls: { mode: DISABLE } }", ["10.0.0.1", "10.0.0.2"]],
  ])("with the PeerAuthentication %s goes to %j", (spec, expected) => {
    for (const object of parseText(policy(spec))) store.apply({ kind: "upsert", object });
    expect(secured()).toEqual(expected);
  });
});
