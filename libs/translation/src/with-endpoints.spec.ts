import { typeUrls } from "@weft/envoy-api";
import { createStore, type NodeInput } from "@weft/mesh-model";
import { anySidecar, parseText, viewOf } from "./testing/mesh.ts";
import { createTranslator, translate } from "./translate.ts";

const host = "web.default.svc.cluster.local";
const service = (clusterIP = "10.96.0.1") => `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { clusterIP: ${clusterIP}, selector: { app: web }, ports: [{ name: tcp, port: 80 }] }
`;
const slice = (address: string) => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: default, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints: [{ addresses: [${address}] }]
ports: [{ name: tcp, port: 80 }]
`;
const entry = (resolution: string, address: string) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: web, namespace: other }
spec:
  hosts: [${host}]
  resolution: ${resolution}
  ports: [{ name: tcp, number: 81, protocol: TCP }]
  endpoints: [{ address: ${address} }]
`;
const filter = (applyTo: string) => `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: f, namespace: default }
spec: { configPatches: [{ applyTo: ${applyTo}, match: {}, patch: { operation: MERGE, value: { name: x } } }] }
`;

describe("withEndpoints()", () => {
  /** What it makes of another address, and what a translation in full makes of it. */
  const change = (before: string, after: string, node: NodeInput = anySidecar) => {
    const store = createStore();
    const apply = (text: string) => {
      for (const object of parseText(text)) store.apply({ kind: "upsert", object });
      return viewOf(store.snapshot(), node);
    };
    const translator = createTranslator();
    const last = translator.translate(apply(before)).value;
    const view = apply(after);
    const services = view.scope.services.filter(({ hostname }) => hostname === host);
    const made = translator.withEndpoints(view, services, last);
    return { made: made?.value, last, full: translate(view).value };
  };

  it.each([
    ["a service", `${service()}---${slice("10.0.0.1")}`, slice("10.0.0.2"), [typeUrls.endpoint]],
    ["what is found by DNS", entry("DNS", "a.com"), entry("DNS", "b.com"), [typeUrls.cluster]],
    [
      "a service under a filter for listeners",
      `${service()}---${slice("10.0.0.1")}---${filter("LISTENER")}`,
      slice("10.0.0.2"),
      [typeUrls.endpoint],
    ],
    ["what has not changed", `${service()}---${slice("10.0.0.1")}`, slice("10.0.0.1"), []],
  ])(
    "makes of %s what a translation in full makes, and leaves other types alone",
    (_, before, after, types) => {
      const { made, last, full } = change(before, after);
      expect(made?.version).toBe(full.version);
      for (const typeUrl of Object.values(typeUrls)) {
        expect([...(made?.ofType(typeUrl).values() ?? [])].map(({ version }) => version)).toEqual(
          [...full.ofType(typeUrl).values()].map(({ version }) => version),
        );
        expect(made?.ofType(typeUrl) === last.ofType(typeUrl)).toBe(!types.some((type) => type === typeUrl));
      }
    },
  );

  it.each<[string, string, string, Partial<NodeInput>]>([
    ["a headless service", `${service("None")}---${slice("10.0.0.1")}`, slice("10.0.0.2"), {}],
    ["a host that two services have", `${service()}---${entry("STATIC", "1.2.3.4")}`, slice("10.0.0.2"), {}],
    [
      "a filter for clusters",
      `${service()}---${slice("10.0.0.1")}---${filter("CLUSTER")}`,
      slice("10.0.0.2"),
      {},
    ],
    [
      "a gRPC client",
      `${service()}---${slice("10.0.0.1")}`,
      slice("10.0.0.2"),
      { metadata: { GENERATOR: "grpc" } },
    ],
  ])("leaves %s to a translation in full", (_, before, after, node) => {
    expect(change(before, after, { ...anySidecar, ...node }).made).toBeUndefined();
  });
});
