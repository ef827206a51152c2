import type { MeshConfig } from "@weft/istio-api";
import { resourcesToJson } from "../resources/to-json.ts";
import { parseObjects, snapshotOf, viewOf } from "../testing/mesh.ts";
import { translate } from "../translate.ts";
import { buildTelemetry } from "./build.ts";

const id = "sidecar~10.0.0.9~web-1.shop~shop.svc.cluster.local";
const mesh: Partial<MeshConfig> = { defaultProviders: { metrics: ["prometheus"] } };
const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "shop" },
  spec: {
    clusterIP: "10.96.0.10",
    ports: [
      { name: "http", port: 80 },
      { name: "tcp", port: 90 },
    ],
  },
};

const telemetry = (namespace: string, metrics: readonly object[]) => ({
  apiVersion: "telemetry.istio.io/v1",
  kind: "Telemetry",
  metadata: { name: "metrics", namespace },
  spec: { metrics },
});

function view(objects: readonly object[], extensions = ["istio.stats"], settings = mesh) {
  return viewOf(snapshotOf(parseObjects([service, ...objects]), settings), { id, extensions });
}

const disableAll = { match: { metric: "ALL_METRICS" }, disabled: true };
const drops = (metric: string) => ({ match: { metric }, disabled: true });
const dropped = (metric: string) => [{ overrides: [{ metric, drop: true, removedTags: [], tags: {} }] }];
const standard = [{ overrides: [] }];

describe("buildTelemetry() of metrics", () => {
  it.each([
    ["keeps all where only the mesh names a provider", [], standard, standard],
    [
      "drops all of one side",
      [["shop", [{ overrides: [{ match: { mode: "CLIENT" }, disabled: true }] }]]],
      [],
      standard,
    ],
    [
      "drops one metric of both sides",
      [["shop", [{ overrides: [drops("REQUEST_COUNT")] }]]],
      dropped("requests_total"),
      dropped("requests_total"),
    ],
    [
      "brings back what a narrower Telemetry speaks of",
      [
        ["istio-system", [{ overrides: [disableAll] }]],
        ["shop", [{ overrides: [drops("TCP_SENT_BYTES")] }]],
      ],
      dropped("tcp_sent_bytes_total"),
      dropped("tcp_sent_bytes_total"),
    ],
    [
      "leaves out what was said of a provider that a narrower Telemetry does not name",
      [
        ["istio-system", [{ providers: [{ name: "other" }], overrides: [disableAll] }]],
        ["shop", [{ providers: [{ name: "prometheus" }] }]],
      ],
      standard,
      standard,
    ],
  ] as const)("%s", (_, said, client, server) => {
    const objects = said.map(([namespace, metrics]) => telemetry(namespace, metrics));
    const built = buildTelemetry(view(objects));
    expect([built.client.metrics, built.server.metrics]).toEqual([client, server]);
  });

  it("changes tags of every metric", () => {
    const tagOverrides = {
      method: { value: "request.method" },
      source_app: { operation: "REMOVE" },
      reporter: { operation: "UPSERT", value: "'me'" },
    };
    const { client } = buildTelemetry(
      view([telemetry("shop", [{ overrides: [{ tagOverrides }], reportingInterval: "1.5s" }])]),
    );
    expect(client.metrics[0]?.reportingIntervalMs).toBe(1500);
    expect(client.metrics[0]?.overrides).toHaveLength(10);
    expect(client.metrics[0]?.overrides[2]).toEqual({
      metric: "requests_total",
      drop: false,
      removedTags: ["source_app"],
      tags: { method: "request.method", reporter: "'me'" },
    });
  });
});

describe("translate() of metrics", () => {
  it("puts the filter into chains of requests and of bytes", () => {
    const objects = [
      telemetry("shop", [
        { overrides: [{ ...drops("REQUEST_COUNT"), tagOverrides: { a: { operation: "REMOVE" } } }] },
      ]),
    ];
    const { listeners } = resourcesToJson(translate(view(objects)).value) as {
      listeners: Record<string, unknown>;
    };
    const config = {
      "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
      type_url: "type.googleapis.com/stats.PluginConfig",
      value: { metrics: [{ name: "requests_total", drop: true, tags_to_remove: ["a"] }] },
    };
    const filter = { name: "istio.stats", typed_config: config };
    const text = JSON.stringify(filter);
    expect(JSON.stringify(listeners["0.0.0.0_80"])).toContain(`${text},{"name":"envoy.filters.http.router"`);
    expect(JSON.stringify(listeners["10.96.0.10_90"])).toContain(
      `${text},{"name":"envoy.filters.network.tcp_proxy"`,
    );
    expect(JSON.stringify(listeners.virtualInbound)).toContain('"disable_host_header_fallback":true');
  });

  it("says where metrics are asked for that the proxy cannot keep", () => {
    const overrides = [telemetry("shop", [{ overrides: [drops("REQUEST_COUNT")] }])];
    const { value, problems } = translate(view(overrides, ["envoy.filters.http.router"]));
    expect(problems.map(({ message }) => message)).toContain(
      "the proxy lacks istio.stats, without which it keeps no metrics",
    );
    expect(JSON.stringify(resourcesToJson(value))).not.toContain("istio.stats");
    expect(translate(view([], ["envoy.filters.http.router"])).problems).toEqual([]);
  });

  it("says which providers take no metrics", () => {
    const { problems } = translate(
      view([], undefined, { defaultProviders: { metrics: ["envoy", "nobody"] } }),
    );
    expect(problems.map(({ message }) => message)).toEqual([
      "MeshConfig has no extensionProvider nobody",
      "the provider envoy takes no metrics; allowed is prometheus",
    ]);
  });
});
