import { formatProblem } from "@weft/base";
import { anySidecar, generate, parseText, snapshotOf } from "../testing/mesh.ts";

const mesh = (more = "") =>
  snapshotOf(
    parseText(`
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.10, selector: { app: web }, ports: [{ name: http, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec:
  hosts: [web]
  http:
    - { match: [{ uri: { prefix: /a } }], delegate: { name: part } }
    - { name: rest, route: [{ destination: { host: web } }] }
${more}`),
  );

const routesOf = ({ resources }: ReturnType<typeof generate>) => {
  const table = resources.routes["80"] as { virtual_hosts: { routes: { name: string }[] }[] }; // Envoy's JSON
  return table.virtual_hosts[0]?.routes.map(({ name }) => name);
};

describe("delegates", () => {
  it("are reported where they are missing, and cost no other route", () => {
    const built = generate(mesh(), anySidecar);
    expect(routesOf(built)).toEqual(["rest"]);
    expect(built.problems.map(formatProblem)).toEqual([
      expect.stringContaining(
        "VirtualService default/web: spec.http[0].delegate: there is no VirtualService default/part",
      ),
    ]);
  });

  it("give their routes where they are there", () => {
    const part = `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: part }
spec: { http: [{ name: inner, route: [{ destination: { host: web } }] }] }
`;
    const built = generate(mesh(part), anySidecar);
    expect(routesOf(built)).toEqual(["inner", "rest"]);
    expect(built.problems).toEqual([]);
  });
});
