import { anySidecar, generate, parseText, snapshotOf } from "../testing/mesh.ts";

const services = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.10, selector: { app: web }, ports: [{ name: http, port: 8000 }] }
---
apiVersion: v1
kind: Service
metadata: { name: api }
spec: { clusterIP: 10.96.0.11, selector: { app: api }, ports: [{ name: http, port: 8000 }] }
---
apiVersion: v1
kind: Service
metadata: { name: front }
spec: { clusterIP: 10.96.0.12, selector: { app: front }, ports: [{ name: http, port: 80 }] }
`;

function virtualService(name: string, hosts: string, match = ""): string {
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec: { hosts: ${hosts}, http: [{ name: ${name}${match}, route: [{ destination: { host: web, port: { number: 8000 } } }] }] }
`;
}

interface Table {
  readonly virtual_hosts: readonly {
    readonly name: string;
    readonly domains: readonly string[];
    readonly routes: readonly { readonly name: string }[];
  }[];
}

/** Names of the first route of each host of a table, by the host. */
function routesOf(table: string, ...virtualServices: readonly string[]): Readonly<Record<string, string>> {
  const snapshot = snapshotOf(parseText([services, ...virtualServices].join("---")));
  const { virtual_hosts: hosts } = generate(snapshot, anySidecar).resources.routes[table] as Table; // as Envoy has it
  return Object.fromEntries(
    hosts.map(({ name, routes }) => [name.split(/[.:]/)[0] ?? "", routes[0]?.name ?? ""]),
  );
}

describe("buildOutboundTable()", () => {
  it.each([
    [
      "the one that names it, not an older pattern",
      [
        ["a", '["*.default.svc.cluster.local"]'],
        ["b", "[web]"],
      ],
      { web: "b", api: "a" },
    ],
    [
      "the closest pattern",
      [
        ["a", '["*.cluster.local"]'],
        ["b", '["*.default.svc.cluster.local"]'],
      ],
      { web: "b", api: "b" },
    ],
    [
      "the first of two that name it",
      [
        ["a", "[web, api]"],
        ["b", "[web]"],
      ],
      { web: "a", api: "a" },
    ],
    ["none", [["a", "[other.example.com]"]], { web: "default", api: "default" }],
  ] as const)("takes the VirtualService of a host: %s", (_, configs, expected) => {
    const made = configs.map(([name, hosts]) => virtualService(name, hosts));
    expect(routesOf("8000", ...made)).toEqual({ ...expected, allow_any: "allow_any" });
  });

  it("keeps the default where no route is for this client", () => {
    const other = virtualService("a", "[web]", ", match: [{ sourceLabels: { app: other } }]");
    expect(routesOf("8000", other)).toMatchObject({ web: "default" });
  });

  it("serves hosts of their own on port 80", () => {
    expect(routesOf("80", virtualService("a", "[own.example.com]"))).toEqual({
      own: "a",
      front: "default",
      allow_any: "allow_any",
    });
  });

  it("has one host for all hosts", () => {
    expect(routesOf("80", virtualService("a", '["*"]'))).toEqual({ front: "a", allow_any: "allow_any" });
  });
});
