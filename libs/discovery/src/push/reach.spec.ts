import { create } from "@bufbuild/protobuf";
import { parseFile } from "@weft/config-sources";
import { NodeSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { changesBetween, createStore, refOf, viewFor } from "@weft/mesh-model";
import type { XdsConnection } from "@weft/xds";
import { type ConnectedProxy, createProxyRegistry } from "../proxies.ts";
import { createViewGroups } from "./groups.ts";
import { reach } from "./reach.ts";

const objectsOf = (yaml: string) => parseFile("mesh.yaml", yaml).objects;
const service = (name: string, port = 80) => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: a }
spec: { clusterIP: 10.96.0.1, selector: { app: ${name} }, ports: [{ name: http, port: ${port} }] }
`;
const slice = (name: string, address: string) => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-1, namespace: a, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
endpoints: [{ addresses: [${address}] }]
ports: [{ name: http, port: 80 }]
`;
const rule = (host: string) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: r, namespace: a }
spec: { host: ${host} }
`;
const route = (host: string, gateways: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: v, namespace: a }
spec: { hosts: [${host}], gateways: [${gateways}], http: [{ route: [{ destination: { host: ${host} } }] }] }
`;
/** The client imports only what it needs; what it serves is not among that. */
const mesh = [
  service("wanted"),
  service("served"),
  service("other"),
  slice("wanted", "10.0.0.1"),
  `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: default, namespace: a }
spec: { egress: [{ hosts: ["./wanted.a.svc.cluster.local"] }] }
`,
].join("---");

describe("reach()", () => {
  /** What becomes of two groups, a sidecar that serves one service and imports another and a gateway, by a change. */
  const change = (yaml: string) => {
    const store = createStore();
    const apply = (text: string) => {
      for (const object of objectsOf(text)) store.apply({ kind: "upsert", object });
      return store.snapshot();
    };
    const before = apply(mesh);
    const proxies = createProxyRegistry();
    const dropped: string[] = [];
    const groups = createViewGroups(({ key }) => dropped.push(key));
    const connect = (id: string, namespace: string, labels: Record<string, string>): ConnectedProxy => {
      const node = create(NodeSchema, { id, metadata: { NAMESPACE: namespace, LABELS: labels } });
      const added = proxies.add({ id, node } as XdsConnection, 0); // what a registry looks at
      if ("problem" in added) throw new Error(added.problem);
      const group = groups.of(viewFor(before, added.proxy.node), id);
      groups.move(added.proxy, group);
      group.lacks = "nothing";
      return added.proxy;
    };
    const client = connect("sidecar~10.0.0.7~client-1.a~a.svc.cluster.local", "a", { app: "served" });
    const gateway = connect("router~10.0.0.8~gw-1.b~b.svc.cluster.local", "b", { istio: "gateway" });
    const snapshot = apply(yaml);
    const reached = reach({ snapshot, changes: changesBetween(before, snapshot), groups, proxies });
    const lacks = ({ group }: ConnectedProxy) =>
      group?.lacks instanceof Set ? [...group.lacks] : group?.lacks;
    return {
      client: lacks(client),
      gateway: lacks(gateway),
      moves: [client, gateway].filter((proxy) => reached.proxies.has(proxy)).length,
    };
  };
  const wanted = "a/wanted.a.svc.cluster.local";

  it.each<[string, string, object]>([
    [
      "endpoints of what one imports",
      slice("wanted", "10.0.0.2"),
      { client: [wanted], gateway: [wanted], moves: 0 },
    ],
    [
      "endpoints of what it does not",
      slice("other", "10.0.0.2"),
      { client: "nothing", gateway: ["a/other.a.svc.cluster.local"], moves: 0 },
    ],
    ["an endpoint at its address", slice("other", "10.0.0.7"), { client: "nothing", moves: 1 }],
    ["a service that it imports", service("wanted", 81), { client: "all", gateway: "all", moves: 1 }],
    ["a service that it serves", service("served", 81), { client: "all", gateway: "all", moves: 1 }],
    ["another service", service("other", 81), { client: "nothing", gateway: "all", moves: 1 }],
    ["a rule for what it imports", rule("wanted"), { client: "all", gateway: "all", moves: 0 }],
    ["a rule for what it serves", rule("served"), { client: "all", gateway: "all", moves: 0 }],
    ["a rule for others", rule("other"), { client: "nothing", gateway: "all", moves: 0 }],
    ["a route", route("wanted", "mesh"), { client: "all", gateway: "all", moves: 0 }],
    ["a route of a gateway", route("wanted", "g"), { client: "nothing", gateway: "all", moves: 0 }],
    [
      "a policy",
      "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: { name: p, namespace: x }\nspec: {}\n",
      { client: "all", gateway: "all", moves: 2 },
    ],
    [
      "a pod at its address",
      "apiVersion: v1\nkind: Pod\nmetadata: { name: p, namespace: x }\nspec: {}\nstatus: { podIP: 10.0.0.8, phase: Running }\n",
      { client: "nothing", gateway: "nothing", moves: 1 },
    ],
  ])("finds whom it reaches: %s", (_, yaml, expected) => {
    expect(change(yaml)).toMatchObject(expected);
  });

  it("finds nobody for what reads the same", () => {
    expect(change(mesh)).toEqual({ client: "nothing", gateway: "nothing", moves: 0 });
    expect(objectsOf(mesh).map(refOf)).toHaveLength(5);
  });
});
