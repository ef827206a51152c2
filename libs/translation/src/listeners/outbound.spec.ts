import { anySidecar, generate, parseText, snapshotOf } from "../testing/mesh.ts";

interface Chain {
  readonly name?: string;
  readonly filter_chain_match?: unknown;
  readonly filters: readonly {
    readonly name: string;
    readonly typed_config: { readonly cluster?: string };
  }[];
}
interface ListenerJson {
  readonly filter_chains: readonly Chain[];
  readonly default_filter_chain?: Chain;
}

function service(spec: string): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: ${spec}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints: [{ addresses: [10.0.0.7] }]
ports: [{ name: tcp, port: 80 }, { name: http, port: 80 }, { name: auto, port: 80 }, { name: tls, port: 80 }]
`;
}

function listener(text: string, name: string): ListenerJson | undefined {
  const { resources } = generate(snapshotOf(parseText(text)), anySidecar);
  return resources.listeners[name] as ListenerJson | undefined; // Envoy's JSON
}

/** `h` for a chain that speaks HTTP, `t` for one that passes bytes on; in brackets the default chain's cluster or kind. */
function shape(found: ListenerJson | undefined): string {
  if (found === undefined) return "none";
  const kind = ({ filters }: Chain) =>
    filters.at(-1)?.name === "envoy.filters.network.http_connection_manager" ? "h" : "t";
  const last = found.default_filter_chain;
  const chains = found.filter_chains.map(kind).join("");
  return last === undefined
    ? chains
    : `${chains}(${last.filters.at(-1)?.typed_config.cluster ?? kind(last)})`;
}

describe("buildOutboundListeners()", () => {
  const own = "outbound|80||web.default.svc.cluster.local";
  it.each([
    ["HTTP shares the port of all addresses", "http", "10.96.0.5", "0.0.0.0_80", "h(PassthroughCluster)"],
    ["TCP takes all of its address", "tcp", "10.96.0.5", "10.96.0.5_80", "t"],
    ["a sniffed port sends what is no HTTP on as bytes", "auto", "10.96.0.5", "10.96.0.5_80", `h(${own})`],
    ["TLS on an address of its own needs no name", "tls", "10.96.0.5", "10.96.0.5_80", "t"],
    ["without an address, endpoints have listeners", "tcp", "None", "10.0.0.7_80", "t"],
    ["of a sniffed port, too", "auto", "None", "10.0.0.7_80", `h(${own})`],
  ])("%s", (_name, port, clusterIP, name, expected) => {
    const text = service(`{ clusterIP: ${clusterIP}, ports: [{ name: ${port}, port: 80 }] }`);
    expect(shape(listener(text, name))).toBe(expected);
  });

  it("has no listener for bytes on endpoints where the service has an address", () => {
    expect(
      listener(service("{ clusterIP: 10.96.0.5, ports: [{ name: tcp, port: 80 }] }"), "10.0.0.7_80"),
    ).toBe(undefined);
  });

  it("sends names that a VirtualService does not speak of where unknown traffic goes", () => {
    const route = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec:
  hosts: [web]
  tls: [{ match: [{ sniHosts: [a.example.com] }], route: [{ destination: { host: web } }] }]
`;
    const text = `${service("{ clusterIP: 10.96.0.5, ports: [{ name: tls, port: 80 }] }")}---${route}`;
    expect(shape(listener(text, "10.96.0.5_80"))).toBe("t(PassthroughCluster)");
  });
});
