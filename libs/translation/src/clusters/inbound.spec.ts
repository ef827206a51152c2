import { defaultMeshConfig, type MeshConfig } from "@weft/istio-api";
import { createStore } from "@weft/mesh-model";
import { generate, parseText } from "../testing/mesh.ts";

const service = `
apiVersion: v1
kind: Service
metadata: { name: app }
spec: { clusterIP: 10.96.0.5, selector: { app: app }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
`;
const sidecar = (endpoint: string) => `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: app }
spec: { ingress: [{ port: { number: 80, name: http, protocol: HTTP }${endpoint} }] }
`;

interface ClusterJson {
  readonly type?: string;
  readonly upstream_bind_config?: unknown;
  readonly load_assignment?: {
    readonly endpoints: readonly {
      readonly lb_endpoints: readonly { readonly endpoint: { readonly address: unknown } }[];
    }[];
  };
}

/** Type of the cluster, where it leads, and `*` where it does not bind the address that interception knows. */
function inbound(text: string, settings: Partial<MeshConfig> = {}): Readonly<Record<string, string>> {
  const store = createStore({ meshConfig: { ...defaultMeshConfig, ...settings } });
  for (const object of parseText(text)) store.apply({ kind: "upsert", object });
  const node = {
    id: "sidecar~10.0.0.9~app-1.default~default.svc.cluster.local",
    metadata: { LABELS: { app: "app" } },
  };
  const { clusters } = generate(store.snapshot(), node).resources;
  const own = Object.entries(clusters).filter(([name]) => name.startsWith("inbound|")) as [
    string,
    ClusterJson,
  ][]; // Envoy's JSON
  return Object.fromEntries(
    own.map(([name, cluster]) => {
      const addresses = cluster.load_assignment?.endpoints.flatMap(({ lb_endpoints: all }) =>
        all.map(({ endpoint }) => JSON.stringify(endpoint.address)),
      );
      const bound = cluster.upstream_bind_config === undefined ? "*" : "";
      return [name, `${cluster.type}${bound} ${addresses?.join() ?? ""}`.trim()];
    }),
  );
}

const at = (address: string, port: number) =>
  JSON.stringify({ socket_address: { address, port_value: port } });

describe("buildInboundBackend()", () => {
  it.each<[string, string, Partial<MeshConfig>, Record<string, string>]>([
    ["where the connection was meant for", service, {}, { "inbound|8080||": "ORIGINAL_DST" }],
    [
      "this machine, by the mesh's policy",
      service,
      { inboundTrafficPolicy: "LOCALHOST" },
      { "inbound|8080||": `STATIC* ${at("127.0.0.1", 8080)}` },
    ],
    ["where a Sidecar says nothing", sidecar(""), {}, { "inbound|80||": "ORIGINAL_DST" }],
    [
      "where a Sidecar says",
      sidecar(', defaultEndpoint: "127.0.0.1:81"'),
      {},
      { "inbound|80||": `STATIC* ${at("127.0.0.1", 81)}` },
    ],
    [
      "the proxy's own address, for any",
      sidecar(', defaultEndpoint: "0.0.0.0:81"'),
      {},
      { "inbound|80||": `STATIC* ${at("10.0.0.9", 81)}` },
    ],
    [
      "a Unix socket",
      sidecar(', defaultEndpoint: "unix:///run/app.sock"'),
      {},
      { "inbound|80||": `STATIC* ${JSON.stringify({ pipe: { path: "/run/app.sock" } })}` },
    ],
  ])("leads to %s", (_name, text, settings, expected) => {
    expect(inbound(text, settings)).toEqual(expected);
  });
});
