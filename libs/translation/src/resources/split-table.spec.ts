import { hostDiscoveryField } from "@weft/envoy-api";
import type { NodeInput } from "@weft/mesh-model";
import { anySidecar, generate, parseObjects, snapshotOf } from "../testing/mesh.ts";

type Json = Record<string, unknown>;
const asking: NodeInput = {
  ...anySidecar,
  metadata: { ...anySidecar.metadata, [hostDiscoveryField]: "true" },
};

const service = (name: string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: { clusterIP: "10.1.0.1", ports: [{ name: "http", port: 80 }] },
});
const envoyFilter = (name: string, applyTo: string, patch: object, match: object = {}) => ({
  apiVersion: "networking.istio.io/v1alpha3",
  kind: "EnvoyFilter",
  metadata: { name, namespace: "default" },
  spec: { configPatches: [{ applyTo, match: { context: "SIDECAR_OUTBOUND", ...match }, patch }] },
});
const virtualService = (name: string, route: object) => ({
  apiVersion: "networking.istio.io/v1",
  kind: "VirtualService",
  metadata: { name, namespace: "default" },
  spec: { hosts: [name], http: [{ route: [{ destination: { host: name } }], ...route }] },
});

/** What both kinds of proxies get, and the tables of the asking one put together again. */
function both(...objects: readonly unknown[]) {
  const snapshot = snapshotOf(parseObjects(objects));
  const whole = generate(snapshot, anySidecar);
  const apart = generate(snapshot, asking);
  const hosts = Object.values(apart.resources.virtual_hosts ?? {}) as Json[];
  const joined = Object.fromEntries(
    Object.entries(apart.resources.routes as Record<string, Json>).map(([name, { vhds, ...table }]) => {
      if (vhds === undefined) return [name, table];
      const own = hosts
        .filter((host) => String(host.name).startsWith(`${name}/`))
        .map((host) => ({ ...host, name: String(host.name).slice(name.length + 1) }));
      return [name, { ...table, virtual_hosts: [...((table.virtual_hosts as Json[]) ?? []), ...own] }];
    }),
  );
  return { whole, apart, joined };
}

const sorted = (routes: unknown) =>
  Object.fromEntries(
    Object.entries(routes as Record<string, Json>).map(([name, table]) => [
      name,
      {
        ...table,
        virtual_hosts: ((table.virtual_hosts ?? []) as Json[]).toSorted((a, b) =>
          String(a.name) < String(b.name) ? -1 : 1,
        ),
      },
    ]),
  );

describe("splitTable()", () => {
  it("gives the hosts of a shared port as resources, and nothing of it to those who do not ask", () => {
    const { whole, apart } = both(service("a"), service("b"));
    expect(whole.resources.virtual_hosts).toBeUndefined();
    expect(Object.keys(apart.resources.virtual_hosts ?? {})).toEqual([
      "80/a.default.svc.cluster.local:80",
      "80/allow_any",
      "80/b.default.svc.cluster.local:80",
    ]);
    expect(apart.resources.routes["80"]).toEqual({
      name: "80",
      validate_clusters: false,
      ignore_port_in_host_matching: true,
      max_direct_response_body_size_bytes: 1_048_576,
      vhds: { config_source: { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" } },
    });
  });

  it("says the same as whole tables", () => {
    const { whole, joined } = both(service("a"), service("b"), virtualService("a", { timeout: "3s" }));
    expect(sorted(joined)).toEqual(sorted(whole.resources.routes));
  });

  it("applies patches of tables, hosts and routes as to whole tables", () => {
    const { whole, joined, apart } = both(
      service("a"),
      service("b"),
      envoyFilter("table", "ROUTE_CONFIGURATION", {
        operation: "MERGE",
        value: { response_headers_to_remove: ["x-powered-by"] },
      }),
      envoyFilter("host", "VIRTUAL_HOST", {
        operation: "ADD",
        value: { name: "added", domains: ["added.example"], routes: [] },
      }),
      envoyFilter("slash", "VIRTUAL_HOST", {
        operation: "ADD",
        value: { name: "with/slash", domains: ["slash.example"], routes: [] },
      }),
      envoyFilter("route", "HTTP_ROUTE", { operation: "MERGE", value: { route: { timeout: "7s" } } }),
    );
    expect(sorted(joined)).toEqual(sorted(whole.resources.routes));
    expect(JSON.stringify(joined)).toContain('"7s"');
    expect(Object.keys(apart.resources.virtual_hosts ?? {})).toContain("80/added");
    expect(JSON.stringify(apart.resources.routes["80"])).toContain("with/slash");
  });

  it("leaves a table whole that has no hosts after its patches: a proxy would wait for them", () => {
    const { apart } = both(service("a"), envoyFilter("none", "VIRTUAL_HOST", { operation: "REMOVE" }));
    expect(apart.resources.routes["80"]).not.toHaveProperty("vhds");
    expect(apart.resources.virtual_hosts).toBeUndefined();
  });

  it("withholds a bad host alone", () => {
    const bad = virtualService("a", { match: [{ uri: { regex: "(" } }] });
    const { apart } = both(service("a"), service("b"), bad);
    expect(Object.keys(apart.resources.virtual_hosts ?? {})).toEqual([
      "80/allow_any",
      "80/b.default.svc.cluster.local:80",
    ]);
    const problem = apart.problems.find(({ code }) => code === "rejected-resource");
    expect(problem?.message).toMatch(/^virtual host 80\/a\.default\.svc\.cluster\.local:80 is withheld/);
    expect(problem?.object).toMatchObject({ kind: "VirtualService", name: "a" });
  });
});
