import { parseClusterCounters, parseHostCounters } from "./admin-client.ts";
import { buildEdges, compareEdges, type Edge, securityOf } from "./edges.ts";

const stats = JSON.stringify({
  stats: [
    { name: "cluster.outbound|9080|v1|reviews.default.svc.cluster.local;.upstream_rq_completed", value: 10 },
    { name: "cluster.outbound|9080|v1|reviews.default.svc.cluster.local;.upstream_rq_5xx", value: 1 },
    { name: "cluster.outbound|9080||details.default.svc.cluster.local.upstream_rq_completed", value: 4 },
    { name: "cluster.outbound|9080|v1|reviews.default.svc.cluster.local;.upstream_cx_total", value: 4 },
    {
      name: "cluster.outbound|9080|v1|reviews.default.svc.cluster.local;.upstream_cx_connect_fail",
      value: 1,
    },
    { name: "cluster.outbound|9080|v1|reviews.default.svc.cluster.local;.ssl.handshake", value: 3 },
    { name: "cluster.outbound|9080||details.default.svc.cluster.local.upstream_cx_total", value: 1 },
    { name: "cluster.outbound|9080||ratings.default.svc.cluster.local.upstream_rq_completed", value: 0 },
    {
      histograms: {
        supported_quantiles: [0, 50, 99],
        computed_quantiles: [
          {
            name: "cluster.outbound|9080|v1|reviews.default.svc.cluster.local;.upstream_rq_time",
            values: [
              { interval: null, cumulative: 1 },
              { interval: null, cumulative: 2.5 },
              { interval: null, cumulative: 9 },
            ],
          },
          {
            name: "cluster.outbound|9080||details.default.svc.cluster.local.upstream_rq_time",
            values: [{ cumulative: null }, { cumulative: null }, { cumulative: null }],
          },
        ],
      },
    },
  ],
});

const host = (address: string, total: number) => ({
  address: { socket_address: { address, port_value: 9080 } },
  stats: [{ name: "rq_total", type: "COUNTER", value: String(total) }, { name: "cx_active" }],
});
const clusters = JSON.stringify({
  cluster_statuses: [
    { name: "xds-grpc", host_statuses: [host("127.1.0.1", 7)] },
    {
      name: "outbound|9080||details.default.svc.cluster.local",
      host_statuses: [host("127.1.0.12", 3), host("127.1.0.13", 1), host("127.1.0.14", 0)],
    },
    { name: "outbound|9080|v9|details.default.svc.cluster.local" },
  ],
});

describe("buildEdges()", () => {
  it("reads what Envoy's admin API says, versions from subsets or else from the hosts", () => {
    const sample = {
      from: "productpage-v1",
      clusters: parseClusterCounters(stats),
      hosts: parseHostCounters(clusters),
    };
    const versions: Record<string, string> = { "127.1.0.12": "v1", "127.1.0.13": "v2", "127.1.0.14": "v3" };
    expect(buildEdges([sample], (address) => versions[address])).toEqual([
      {
        from: "productpage-v1",
        service: "details",
        version: "v1,v2",
        requests: 4,
        errors: 0,
        connections: 1,
        secured: 0,
        p50: undefined,
        p99: undefined,
      },
      {
        from: "productpage-v1",
        service: "reviews",
        version: "v1",
        requests: 10,
        errors: 1,
        connections: 3,
        secured: 3,
        p50: 2.5,
        p99: 9,
      },
    ]);
  });
});

describe("buildEdges() with several clusters to one version", () => {
  it("adds them up", () => {
    const counters = (subset: string, requests: number, p50: number) => ({
      cluster: `outbound|9080|${subset}|ratings.default.svc.cluster.local`,
      requests,
      errors: 1,
      connections: 2,
      secured: 1,
      p50,
      p99: p50,
    });
    const hosts = [{ cluster: counters("", 0, 0).cluster, address: "127.1.0.12", requests: 5 }];
    const sample = { from: "reviews-v2", clusters: [counters("v1", 2, 9), counters("", 5, 3)], hosts };
    expect(buildEdges([sample], () => "v1")).toEqual([
      {
        from: "reviews-v2",
        service: "ratings",
        version: "v1",
        requests: 7,
        errors: 2,
        connections: 4,
        secured: 2,
        p50: 3,
        p99: 3,
      },
    ]);
  });
});

describe("compareEdges()", () => {
  const edge = (version: string, requests: number): Edge => ({
    from: "productpage-v1",
    service: "reviews",
    version,
    requests,
    errors: 0,
    connections: 1,
    secured: 1,
    p50: 1,
    p99: 2,
  });

  it("gives each version its share of what is new", () => {
    const changes = compareEdges([edge("v1", 100)], [edge("v1", 130), edge("v3", 10)]);
    expect(changes.map(({ recentRequests, recentShare }) => [recentRequests, recentShare])).toEqual([
      [30, 0.75],
      [10, 0.25],
    ]);
  });

  it("counts from zero after a proxy has started again", () => {
    expect(compareEdges([edge("v1", 100)], [edge("v1", 4)])).toMatchObject([
      { recentRequests: 4, recentShare: 1 },
    ]);
  });

  it("knows no share where nothing is new", () => {
    expect(compareEdges([edge("v1", 4)], [edge("v1", 4)])).toMatchObject([
      { recentRequests: 0, recentShare: undefined },
    ]);
  });
});

describe("securityOf()", () => {
  it.each([
    [0, 0, "no"],
    [3, 0, "no"],
    [3, 3, "yes"],
    [4, 3, "yes"],
    [5, 3, "3 of 5"],
  ])("says of %d connections, %d of them with a handshake: %s", (connections, secured, expected) => {
    expect(securityOf({ connections, secured })).toBe(expected);
  });
});
