import { anySidecar, generate, parseText, snapshotOf } from "../testing/mesh.ts";

const services = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.10, selector: { app: web }, ports: [{ name: http, port: 8000 }] }
---
apiVersion: v1
kind: Service
metadata: { name: front }
spec: { clusterIP: 10.96.0.11, selector: { app: front }, ports: [{ name: http, port: 80 }] }
`;

function problems(destination: string, hosts = "[web]"): readonly string[] {
  const route = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: vs }
spec: { hosts: ${hosts}, http: [{ route: [{ destination: ${destination} }] }] }
`;
  const found = generate(snapshotOf(parseText(`${services}---${route}`)), anySidecar).problems;
  return found.map(({ code, message, object }) => `${object?.kind} ${object?.name}: ${code}: ${message}`);
}

describe("checkIr()", () => {
  it("has nothing to say where all destinations are there", () => {
    expect(problems("{ host: web }")).toEqual([]);
  });

  it.each([
    ["{ host: gone }", "there is no service for gone.default.svc.cluster.local"],
    ["{ host: web, port: { number: 1 } }", "web.default.svc.cluster.local has no port 1; it has 8000"],
    [
      "{ host: web, subset: v9 }",
      "no DestinationRule defines the subset v9 of web.default.svc.cluster.local",
    ],
  ])("names what is missing for %s", (destination, reason) => {
    const [problem, ...others] = problems(destination);
    expect(problem).toContain(
      "VirtualService vs: unknown-destination: route of web.default.svc.cluster.local:8000",
    );
    expect(problem).toContain(`${reason}; requests get 503`);
    expect(others).toEqual([]);
  });

  it("says so where a host of its own leads nowhere", () => {
    expect(problems("{ host: web, port: { number: 8001 } }", "[own.example.com]")).toEqual([
      expect.stringContaining("web.default.svc.cluster.local has no port 8001"),
    ]);
  });

  it("does not mind the place in the table of port 80 that a service without that port gets", () => {
    expect(problems("{ host: web, subset: v9 }").join()).not.toContain("web.default.svc.cluster.local:80 ");
  });
});
