import { deepFreeze, formatProblem } from "@weft/base";
import { typeUrls } from "@weft/envoy-api";
import { toYaml } from "@weft/testkit";
import { resourcesToJson } from "../resources/to-json.ts";
import { anySidecar, parseText, snapshotOf, viewOf } from "../testing/mesh.ts";
import { createTranslator, translate } from "../translate.ts";

const service = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { clusterIP: 10.96.0.10, selector: { app: web }, ports: [{ name: http, port: 80 }] }
---
`;
const cluster = "outbound|80||web.default.svc.cluster.local";
const vhost = "web.default.svc.cluster.local:80";

interface Given {
  readonly name?: string;
  readonly namespace?: string;
  readonly created?: string;
  readonly spec: object;
}

function filterYaml({ name = "one", namespace = "default", created, spec }: Given): string {
  const metadata = { name, namespace, ...(created ? { creationTimestamp: created } : {}) };
  return toYaml({ apiVersion: "networking.istio.io/v1alpha3", kind: "EnvoyFilter", metadata, spec });
}

function patchedBy(filters: readonly Given[], node = anySidecar) {
  const objects = parseText(service + filters.map(filterYaml).join("---\n"));
  const { value, problems } = translate(viewOf(snapshotOf(deepFreeze(objects)), node));
  return { json: resourcesToJson(value) as never, value, problems: problems.map(formatProblem) };
}

/** What of the output a case looks at. */
type Json = {
  readonly clusters: Record<string, Record<string, unknown>>;
  readonly listeners: Record<
    string,
    {
      readonly filter_chains: readonly {
        readonly filters: readonly { readonly typed_config: Record<string, unknown> }[];
      }[];
    }
  >;
  readonly routes: Record<string, { readonly virtual_hosts: readonly VirtualHostJson[] }>;
};
type VirtualHostJson = { readonly name: string; readonly routes: readonly { readonly name: string }[] };

function httpFilters(json: Json): readonly string[] {
  const config = json.listeners["0.0.0.0_80"]?.filter_chains[0]?.filters.at(-1)?.typed_config;
  return ((config?.http_filters ?? []) as { name: string }[]).map(({ name }) =>
    name.replace("envoy.filters.http.", "").replace(/^istio\..*/, "istio"),
  );
}

const lua = {
  name: "lua",
  typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua" },
};
const at = (subFilter?: string) => ({
  context: "SIDECAR_OUTBOUND",
  listener: {
    filterChain: {
      filter: {
        name: "envoy.filters.network.http_connection_manager",
        ...(subFilter ? { subFilter: { name: subFilter } } : {}),
      },
    },
  },
});

describe("EnvoyFilter: HTTP_FILTER", () => {
  const plain = httpFilters(patchedBy([]).json);
  const rest = plain.slice(0, -1);
  const fault = plain.indexOf("fault");
  it.each<[string, string | undefined, object, readonly string[]]>([
    ["ADD", undefined, {}, [...rest, "lua", "router"]],
    ["ADD", undefined, { filterClass: "AUTHZ" }, ["lua", ...plain]],
    ["INSERT_FIRST", undefined, {}, ["lua", ...plain]],
    ["INSERT_BEFORE", undefined, {}, ["lua", ...plain]],
    ["INSERT_BEFORE", "envoy.filters.http.router", {}, [...rest, "lua", "router"]],
    ["INSERT_BEFORE", "envoy.router", {}, [...rest, "lua", "router"]],
    ["INSERT_BEFORE", "no.such.filter", {}, plain],
    ["INSERT_AFTER", "envoy.filters.http.fault", {}, plain.toSpliced(fault + 1, 0, "lua")],
    ["REPLACE", "envoy.filters.http.fault", {}, plain.with(fault, "lua")],
    ["REPLACE", undefined, {}, plain],
    ["REMOVE", "envoy.filters.http.fault", {}, plain.toSpliced(fault, 1)],
  ])("%s at %s %j", (operation, subFilter, more, expected) => {
    const value = operation === "REMOVE" ? {} : { value: lua };
    const patch = { operation, ...value, ...more };
    const spec = { configPatches: [{ applyTo: "HTTP_FILTER", match: at(subFilter), patch }] };
    const { json, problems } = patchedBy([{ spec }]);
    expect(problems).toEqual([]);
    expect(httpFilters(json)).toEqual(expected);
  });

  it.each([
    [
      "INSERT_AFTER",
      undefined,
      "envoy.filters.http.router must be there once, as the last of the HTTP filters",
    ],
    ["REMOVE", "envoy.filters.http.router", "envoy.filters.http.router must be there once"],
  ])("leaves %s at %s out, which would break the listener", (operation, subFilter, reason) => {
    const patch = { operation, ...(operation === "REMOVE" ? {} : { value: lua }) };
    const broken = { applyTo: "HTTP_FILTER", match: at(subFilter), patch };
    const sound = { applyTo: "HTTP_FILTER", match: at(), patch: { operation: "INSERT_FIRST", value: lua } };
    const { json, problems } = patchedBy([{ spec: { configPatches: [broken, sound] } }]);
    expect(httpFilters(json)).toEqual(["lua", ...plain]);
    expect(problems).toEqual([expect.stringContaining(reason)]);
    expect(problems[0]).toContain("EnvoyFilter default/one: spec.configPatches[0]");
  });
});

describe("EnvoyFilter: routes", () => {
  const route = { name: "new", match: { prefix: "/new" }, direct_response: { status: 200 } };
  it.each<[string, string, object, object | undefined, readonly string[]]>([
    ["HTTP_ROUTE", "ADD", {}, route, ["default", "new"]],
    ["HTTP_ROUTE", "INSERT_FIRST", {}, route, ["new", "default"]],
    ["HTTP_ROUTE", "INSERT_BEFORE", { route: { name: "default" } }, route, ["new", "default"]],
    ["HTTP_ROUTE", "INSERT_AFTER", { route: { action: "ROUTE" } }, route, ["default", "new"]],
    ["HTTP_ROUTE", "INSERT_AFTER", { route: { action: "REDIRECT" } }, route, ["default"]],
    ["HTTP_ROUTE", "REMOVE", { route: { name: "default" } }, undefined, []],
    ["HTTP_ROUTE", "MERGE", { route: { name: "default" } }, { name: "renamed" }, ["renamed"]],
    ["VIRTUAL_HOST", "MERGE", {}, { routes: [route] }, ["default", "new"]],
    ["VIRTUAL_HOST", "MERGE_AND_REPLACE_LIST", {}, { routes: [route] }, ["new"]],
    ["VIRTUAL_HOST", "REPLACE", {}, { name: vhost, domains: ["web"], routes: [route] }, ["new"]],
  ])("%s %s %j", (applyTo, operation, match, value, expected) => {
    const routeConfiguration = { portNumber: 80, vhost: { name: vhost, ...match } };
    const patch = { operation, ...(value ? { value } : {}) };
    const spec = { configPatches: [{ applyTo, match: { routeConfiguration }, patch }] };
    const { json, problems } = patchedBy([{ spec }]);
    const hosts = (json as Json).routes["80"]?.virtual_hosts ?? [];
    expect(problems).toEqual([]);
    expect(hosts.find(({ name }) => name === vhost)?.routes?.map(({ name }) => name) ?? []).toEqual(expected);
    expect(hosts.find(({ name }) => name === "allow_any")?.routes).toHaveLength(1);
  });
});

describe("EnvoyFilter: order, place and problems", () => {
  const timeout = (seconds: number, more: object = {}) => ({
    configPatches: [
      {
        applyTo: "CLUSTER",
        match: { cluster: { name: cluster } },
        patch: { operation: "MERGE", value: { connect_timeout: `${seconds}s` } },
      },
    ],
    ...more,
  });

  it.each<[string, readonly Given[], string]>([
    [
      "the proxy's namespace after the root's",
      [{ spec: timeout(1) }, { namespace: "istio-system", spec: timeout(2) }],
      "1s",
    ],
    [
      "the higher priority last",
      [{ spec: timeout(1, { priority: 1 }) }, { name: "two", spec: timeout(2) }],
      "1s",
    ],
    [
      "the younger last",
      [
        { created: "2026-01-02T00:00:00Z", spec: timeout(1) },
        { name: "two", created: "2026-01-01T00:00:00Z", spec: timeout(2) },
      ],
      "1s",
    ],
    [
      "by name otherwise",
      [
        { name: "b", spec: timeout(1) },
        { name: "a", spec: timeout(2) },
      ],
      "1s",
    ],
    ["not those of other namespaces", [{ namespace: "other", spec: timeout(1) }], "10s"],
    [
      "not those for other workloads",
      [{ spec: timeout(1, { workloadSelector: { labels: { app: "x" } } }) }],
      "10s",
    ],
    [
      "those for this workload",
      [{ spec: timeout(1, { workloadSelector: { labels: { app: "client" } } }) }],
      "1s",
    ],
    [
      "not those for Gateways",
      [
        {
          spec: timeout(1, {
            targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "x" }],
          }),
        },
      ],
      "10s",
    ],
  ])("takes %s", (_, filters, expected) => {
    for (const order of [filters, filters.toReversed()]) {
      const { json } = patchedBy(order);
      expect((json as Json).clusters[cluster]?.connect_timeout).toBe(expected);
    }
  });

  it.each<[string, object, string]>([
    [
      "BOOTSTRAP",
      { applyTo: "BOOTSTRAP", patch: { operation: "MERGE", value: {} } },
      "which the agent writes",
    ],
    [
      "a match of another kind",
      { applyTo: "CLUSTER", match: { listener: {} }, patch: { operation: "REMOVE" } },
      "a CLUSTER is not matched by listener",
    ],
    [
      "a bad version",
      { applyTo: "CLUSTER", match: { proxy: { proxyVersion: "a++" } }, patch: { operation: "REMOVE" } },
      "a++ is no regular expression",
    ],
    ["no value", { applyTo: "CLUSTER", patch: { operation: "ADD" } }, "ADD needs a value"],
    ["a type of its own", { applyTo: "CLUSTER", patch: { operation: "ADD", value: { name: 1 } } }, "name"],
    [
      "an operation that is not for it",
      { applyTo: "CLUSTER", patch: { operation: "REPLACE", value: {} } },
      "REPLACE does not apply to CLUSTER; allowed are ADD, REMOVE, MERGE, MERGE_AND_REPLACE_LIST",
    ],
    [
      "a cluster that is there",
      { applyTo: "CLUSTER", patch: { operation: "ADD", value: { name: cluster } } },
      "there is one already",
    ],
    [
      "a cluster without a name",
      { applyTo: "CLUSTER", patch: { operation: "ADD", value: { type: "STATIC" } } },
      "it has no name",
    ],
    [
      "a configuration of another type",
      {
        applyTo: "HTTP_FILTER",
        match: at("envoy.filters.http.fault"),
        patch: { operation: "MERGE", value: lua },
      },
      "cannot be merged into one of type envoy.extensions.filters.http.fault.v3.HTTPFault",
    ],
  ])("says what is wrong with %s", (_, patch, reason) => {
    const { json, problems } = patchedBy([{ spec: { configPatches: [patch] } }]);
    expect(problems).toEqual([expect.stringContaining(reason)]);
    expect(json).toEqual(patchedBy([]).json);
  });

  it("sends extensions that are added, once", () => {
    const value = { name: "shared-lua", typed_config: lua.typed_config };
    const spec = { configPatches: [{ applyTo: "EXTENSION_CONFIG", patch: { operation: "ADD", value } }] };
    const { value: set } = patchedBy([{ spec }]);
    expect([...set.ofType(typeUrls.extensionConfig).keys()]).toEqual(["shared-lua"]);
  });

  it("keeps the bytes of what no patch is for", () => {
    const translator = createTranslator();
    const view = (yaml: string) => viewOf(snapshotOf(parseText(service + yaml)), anySidecar);
    const before = translator.translate(view("")).value;
    const after = translator.translate(view(filterYaml({ spec: timeout(1) }))).value;
    for (const typeUrl of [typeUrls.listener, typeUrls.route, typeUrls.endpoint])
      expect(after.typeVersion(typeUrl)).toBe(before.typeVersion(typeUrl));
    expect(after.typeVersion(typeUrls.cluster)).not.toBe(before.typeVersion(typeUrls.cluster));
    const others = [...after.ofType(typeUrls.cluster)].filter(([name]) => name !== cluster);
    for (const [name, one] of others)
      expect(one.version).toBe(before.ofType(typeUrls.cluster).get(name)?.version);
  });
});
