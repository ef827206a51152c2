import { parseFile } from "@weft/config-sources";
import { createStore } from "@weft/mesh-model";
import { countMesh } from "./mesh-counts.ts";

function count(yaml: string) {
  const { objects, problems } = parseFile("mesh.yaml", yaml);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  const store = createStore();
  for (const object of objects) store.apply({ kind: "upsert", object });
  return Object.fromEntries(Object.entries(countMesh(store.snapshot())).filter(([, value]) => value > 0));
}
const service = (name: string, ports = "[{ name: http, port: 80 }]", selector = "{ app: x }") => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: a }
spec: { clusterIP: 10.0.0.1, selector: ${selector}, ports: ${ports} }
`;
const slice = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: a, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints: [{ addresses: [10.1.0.1] }, { addresses: [10.1.0.2], conditions: { ready: false } }]
ports: [{ name: http, port: 80 }]
`;
const entry = (name: string, host: string, resolution: string, protocol: string) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: a }
spec: { hosts: ["${host}"], resolution: ${resolution}, ports: [{ name: p, number: 99, protocol: ${protocol} }] }
`;
const rule = (name: string, subsets: string) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name}, namespace: a }
spec: { host: web, subsets: ${subsets} }
`;
const route = (name: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: a }
spec: { hosts: [web], http: [{ route: [{ destination: { host: web } }] }] }
`;

describe("countMesh()", () => {
  it.each<[string, readonly string[], object]>([
    ["nothing", [], {}],
    ["a service without endpoints", [service("web")], { pilot_eds_no_instances: 1 }],
    ["an endpoint that is not ready", [service("web"), slice], { pilot_endpoint_not_ready: 1 }],
    [
      "one port, two protocols",
      [service("web"), slice, service("other", "[{ name: tcp, port: 80 }]")],
      { pilot_endpoint_not_ready: 1, pilot_eds_no_instances: 1, pilot_conflict_inbound_listener: 1 },
    ],
    [
      "two rules with a subset",
      [rule("r", "[{ name: v1 }]"), rule("s", "[{ name: v1 }, { name: v2 }]")],
      { pilot_destrule_subsets: 1 },
    ],
    ["two routes for a host", [route("r"), route("s")], { pilot_vservice_dup_domain: 1 }],
    [
      "two TCP services on one port, for all addresses",
      [
        entry("a", "a.com", "DNS", "TCP"),
        entry("b", "*.b.com", "NONE", "TCP"),
        entry("c", "c.com", "DNS", "TCP"),
      ],
      { pilot_conflict_outbound_listener_tcp_over_current_tcp: 1 },
    ],
    [
      "two services of one host",
      [entry("a", "a.com", "STATIC", "HTTP"), entry("b", "a.com", "STATIC", "HTTP")],
      { pilot_eds_no_instances: 2, pilot_duplicate_envoy_clusters: 1 },
    ],
    [
      "a pod without an address",
      ["apiVersion: v1\nkind: Pod\nmetadata: { name: p, namespace: a }\nspec: {}\n"],
      { pilot_no_ip: 1 },
    ],
  ])("of %s", (_, documents, expected) => {
    expect(count(documents.join("---"))).toEqual(expected);
  });
});
