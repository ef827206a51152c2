import {
  createHistogram,
  createStatsStore,
  defaultTagRules,
  extractTags,
  formatPrometheus,
  formatStatsJson,
  formatStatsText,
  parseTagRegex,
  selectStats,
} from "./index.ts";

describe("createHistogram()", () => {
  it("gives quantiles within 5 % and counts values up to a bound", () => {
    const histogram = createHistogram("h");
    for (let value = 1; value <= 10_000; value++) histogram.record(value);
    for (const q of [0.5, 0.9, 0.99, 1]) {
      expect(Math.abs(histogram.quantile(q) - q * 10_000)).toBeLessThan(q * 500);
    }
    expect(histogram.count).toBe(10_000);
    expect(histogram.sum).toBe(50_005_000);
    expect(Math.abs(histogram.countUpTo(250) - 250)).toBeLessThan(13);
  });

  it.each([0, -5, 1e-9, 1e30, 999.9999999])("takes %d", (value) => {
    const histogram = createHistogram("h");
    histogram.record(value);
    expect(histogram.count).toBe(1);
    expect(Number.isFinite(histogram.quantile(0.5))).toBe(true);
  });
});

describe("createStatsStore()", () => {
  it("gives the same metric for the same name, by whatever scope", () => {
    const store = createStatsStore();
    store.scope("cluster.a").counter("upstream_rq_total").inc();
    store.counter("cluster.a.upstream_rq_total").inc(2);
    expect(store.counters.get("cluster.a.upstream_rq_total")?.value).toBe(3);
  });

  it("leaves out what the matcher does not accept", () => {
    const store = createStatsStore({ accepts: (name) => name.startsWith("server.") });
    store.counter("cluster.a.x").inc();
    store.gauge("server.live").set(1);
    expect(formatStatsText(selectStats(store))).toBe("server.live: 1\n");
  });

  it("forgets the metrics of a prefix", () => {
    const store = createStatsStore();
    store.counter("listener.0.0.0.0:80.x").inc();
    store.remove("listener.0.0.0.0:80.");
    expect(store.counters.size).toBe(0);
  });
});

describe("/stats", () => {
  const store = createStatsStore();
  const cluster = store.scope("cluster.outbound|9080||reviews.default.svc.cluster.local;");
  cluster.counter("upstream_rq_2xx").inc(7);
  cluster.counter("upstream_rq_5xx");
  cluster.gauge("membership_total").set(3);
  cluster.histogram("upstream_rq_time").record(4);
  const istioRules = [
    { name: "cluster_name", regex: parseTagRegex("^cluster\\.((.+?(\\..+?\\.svc\\.cluster\\.local)?);\\.)") },
    { name: "response_code_class", regex: parseTagRegex("_rq(_(\\dxx))$") },
  ];

  it("selects by regex and by use", () => {
    expect(formatStatsText(selectStats(store, { usedOnly: true, filter: /_rq_\dxx/ }))).toBe(
      "cluster.outbound|9080||reviews.default.svc.cluster.local;.upstream_rq_2xx: 7\n",
    );
  });

  it("prints JSON with histograms in Envoy's shape", () => {
    const parsed = JSON.parse(formatStatsJson(selectStats(store))) as { stats: Record<string, unknown>[] };
    expect(parsed.stats).toHaveLength(4);
    expect(parsed.stats[3]).toHaveProperty("histograms.computed_quantiles.0.values.2.cumulative");
  });

  it("names Prometheus series as Envoy does under Istio's tag rules", () => {
    const text = formatPrometheus(selectStats(store), istioRules);
    const name = 'cluster_name="outbound|9080||reviews.default.svc.cluster.local"';
    expect(text).toContain(`# TYPE envoy_cluster_upstream_rq counter\n`);
    expect(text).toContain(`envoy_cluster_upstream_rq{${name},response_code_class="2xx"} 7\n`);
    expect(text).toContain(`envoy_cluster_membership_total{${name}} 3\n`);
    expect(text).toContain(`envoy_cluster_upstream_rq_time_bucket{${name},le="5"} 1\n`);
    expect(text).toContain(`envoy_cluster_upstream_rq_time_count{${name}} 1\n`);
  });
});

describe("extractTags()", () => {
  it.each([
    [
      "cluster.xds-grpc.upstream_rq_200",
      "cluster.upstream_rq",
      { "envoy.cluster_name": "xds-grpc", "envoy.response_code": "200" },
    ],
    [
      "http.admin.downstream_rq_2xx",
      "http.downstream_rq",
      { "envoy.http_conn_manager_prefix": "admin", "envoy.response_code_class": "2xx" },
    ],
    [
      "listener.0.0.0.0_8080.downstream_cx_total",
      "listener.downstream_cx_total",
      { "envoy.listener_address": "0.0.0.0_8080" },
    ],
    ["server.live", "server.live", {}],
  ])("splits %s", (name, rest, tags) => {
    const tagged = extractTags(name, defaultTagRules);
    expect(tagged.name).toBe(rest);
    expect(Object.fromEntries(tagged.tags)).toEqual(tags);
  });

  it("understands POSIX classes", () => {
    expect(
      extractTags("listener.0.0.0.0_80;.x", [
        { name: "a", regex: parseTagRegex("^listener\\.(([_.[:digit:]]*);\\.)") },
      ]),
    ).toEqual({
      name: "listener.x",
      tags: [["a", "0.0.0.0_80"]],
    });
  });
});
