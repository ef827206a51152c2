import { createFakeClock } from "@weft/base";
import type { TryOutcome } from "../runtime/cluster.ts";
import type { OutlierDetectionConfig, SubsetConfig } from "../runtime/cluster-config.ts";
import { createStatsStore } from "../stats/index.ts";
import { createSecretStore } from "../tls/index.ts";
import type { RunningCluster } from "./cluster.ts";
import { assignment, clusterConfig, endpoint, seededRandom } from "./fixtures.ts";
import { createClusterManager } from "./manager.ts";

function setUp(addresses: (name: string) => readonly string[] = () => []) {
  const clock = createFakeClock();
  const stats = createStatsStore();
  const manager = createClusterManager({
    clock,
    stats,
    secrets: createSecretStore(() => clock.now()),
    random: seededRandom(),
    resolver: {
      resolve: async (name) => {
        const found = addresses(name);
        if (found.length === 0) throw new Error(`no address for ${name}`);
        return found;
      },
    },
  });
  return { clock, stats, manager, active: (name: string) => manager.active.get(name) as RunningCluster };
}

describe("createClusterManager()", () => {
  it("uses an EDS cluster once its endpoints are there", () => {
    const { manager } = setUp();
    let warm = false;
    manager.upsert(clusterConfig());
    manager.whenWarm(() => {
      warm = true;
    });
    expect(manager.get("c")).toBeUndefined();
    expect(warm).toBe(false);
    manager.setAssignment("c", assignment(endpoint(1)));
    expect(manager.get("c")?.pick({})?.address).toBe("10.0.0.1");
    expect(warm).toBe(true);
  });

  it("gives up waiting after the initial fetch timeout", () => {
    const { manager, clock } = setUp();
    manager.upsert(clusterConfig());
    clock.advance(15_000);
    expect(manager.get("c")?.pick({})).toBeUndefined();
  });

  it("keeps the old version until the new one is warm, then retires it", () => {
    const { manager } = setUp();
    manager.setAssignment("c", assignment(endpoint(1)));
    manager.upsert(clusterConfig());
    const old = manager.get("c");
    manager.upsert(
      clusterConfig({
        version: "2",
        discovery: { kind: "eds", serviceName: "other", initialFetchTimeoutMs: 0 },
      }),
    );
    expect(manager.get("c")).toBe(old);
    manager.setAssignment("other", assignment(endpoint(2)));
    expect(manager.get("c")).not.toBe(old);
    expect(old?.retired.aborted).toBe(true);
  });

  it("changes nothing for equal configuration", () => {
    const { manager } = setUp();
    manager.setAssignment("c", assignment(endpoint(1)));
    manager.upsert(clusterConfig());
    const old = manager.get("c");
    manager.upsert(clusterConfig());
    expect(manager.get("c")).toBe(old);
  });

  it("keeps hosts across assignments and tells of those that left", () => {
    const { manager, active, stats } = setUp();
    manager.setAssignment("c", assignment(endpoint(1), endpoint(2)));
    manager.upsert(clusterConfig());
    const [first, second] = active("c").hosts;
    const gone: unknown[] = [];
    active("c").onHostsRemoved((hosts) => gone.push(...hosts));
    manager.setAssignment("c", assignment(endpoint(1, { weight: 5 }), endpoint(3)));
    expect(active("c").hosts[0]).toBe(first);
    expect(active("c").hosts[0]?.weight).toBe(5);
    expect(gone).toEqual([second]);
    expect(stats.gauges.get("cluster.c.membership_total")?.value).toBe(2);
  });

  it("forgets a removed cluster and its metrics", () => {
    const { manager, stats } = setUp();
    manager.setAssignment("c", assignment(endpoint(1)));
    manager.upsert(clusterConfig());
    const cluster = manager.get("c");
    manager.remove("c");
    expect(manager.get("c")).toBeUndefined();
    expect(cluster?.retired.aborted).toBe(true);
    expect([...stats.gauges.keys()].filter((name) => name.startsWith("cluster.c."))).toEqual([]);
  });

  it.each([
    ["strict", ["10.0.0.8", "10.0.0.9"]],
    ["logical", ["10.0.0.8"]],
  ] as const)("resolves names: %s", async (mode, expected) => {
    let answer = ["10.0.0.8", "10.0.0.9"];
    const { manager, active, clock } = setUp(() => answer);
    const named = assignment(endpoint(1, { address: "db.example" }));
    manager.upsert(
      clusterConfig({
        discovery: { kind: "dns", endpoints: named, mode, refreshMs: 5000, jitterMs: 0, family: "v4" },
      }),
    );
    await new Promise((resolve) => manager.whenWarm(() => resolve(undefined)));
    expect(active("c").hosts.map(({ address }) => address)).toEqual(expected);
    expect(active("c").hosts[0]?.hostname).toBe("db.example");
    answer = []; // a failure keeps what is known
    clock.advance(5000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(active("c").hosts.map(({ address }) => address)).toEqual(expected);
    manager.close();
  });

  it("asks for names that failed sooner, then later and later, and adds jitter to the rest", async () => {
    let answer: readonly string[] = [];
    let asked = 0;
    const { manager, clock } = setUp(() => {
      asked++;
      return answer;
    });
    manager.upsert(
      clusterConfig({
        discovery: {
          kind: "dns",
          endpoints: assignment(endpoint(1, { address: "db.example" })),
          mode: "strict",
          refreshMs: 60_000,
          jitterMs: 10_000,
          failureRefresh: { baseMs: 100, maxMs: 1000 },
          family: "v4",
        },
      }),
    );
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    await settle();
    // Bounds of 100, 200, 400 and 800 ms, then 1000: five times more within their sum.
    for (let ms = 0; ms < 2500; ms += 10) {
      clock.advance(10);
      await settle();
    }
    expect(asked).toBeGreaterThanOrEqual(6);
    answer = ["10.0.0.1"];
    clock.advance(1000);
    await settle();
    asked = 0;
    clock.advance(60_000);
    await settle();
    expect(asked).toBe(0); // the jitter is still to come
    clock.advance(10_000);
    await settle();
    expect(asked).toBe(1);
    manager.close();
  });

  it("makes ORIGINAL_DST hosts on demand and forgets unused ones", () => {
    const { manager, active, clock } = setUp();
    manager.upsert(clusterConfig({ discovery: { kind: "original-dst", cleanupMs: 5000 } }));
    const destination = { address: "192.0.2.1", port: 443 };
    const host = active("c").pick({ originalDestination: destination });
    expect(host).toMatchObject(destination);
    expect(active("c").pick({ originalDestination: destination })).toBe(host);
    expect(active("c").pick({})).toBeUndefined();
    clock.advance(5000);
    expect(active("c").hosts).toHaveLength(1); // used in this interval
    clock.advance(5000);
    expect(active("c").hosts).toHaveLength(0);
  });
});

describe("pick() with hosts tried before", () => {
  it("looks for another one", () => {
    const { manager, active } = setUp();
    manager.setAssignment("c", assignment(endpoint(1), endpoint(2)));
    manager.upsert(clusterConfig());
    const first = active("c").hosts[0];
    for (let i = 0; i < 10; i++) {
      expect(active("c").pick({ tried: new Set(first === undefined ? [] : [first]) })).not.toBe(first);
    }
  });
});

describe("acquire()", () => {
  it("refuses what is over the limit, counts it, and takes permits back", () => {
    const { manager, active, stats } = setUp();
    manager.setAssignment("c", assignment(endpoint(1)));
    manager.upsert(clusterConfig({ limits: { connection: 1, pending: 0, request: 2, retry: 3 } }));
    const permit = active("c").acquire("connection");
    expect(permit).toBeDefined();
    expect(stats.gauges.get("cluster.c.circuit_breakers.default.cx_open")?.value).toBe(1);
    expect(active("c").acquire("connection")).toBeUndefined();
    expect(active("c").acquire("pending")).toBeUndefined();
    expect(stats.counters.get("cluster.c.upstream_cx_overflow")?.value).toBe(1);
    permit?.release();
    expect(stats.gauges.get("cluster.c.circuit_breakers.default.cx_open")?.value).toBe(0);
    expect(active("c").acquire("connection")).toBeDefined();
  });

  it("limits retries by a budget", () => {
    const { manager, active } = setUp();
    manager.setAssignment("c", assignment(endpoint(1)));
    const limits = {
      connection: 9,
      pending: 9,
      request: 99,
      retry: 0,
      retryBudget: { percent: 20, minimum: 1 },
    };
    manager.upsert(clusterConfig({ limits }));
    const retries = () => {
      let count = 0;
      const permits = [];
      for (
        let permit = active("c").acquire("retry");
        permit !== undefined;
        permit = active("c").acquire("retry")
      ) {
        permits.push(permit);
        count++;
      }
      for (const permit of permits) permit.release();
      return count;
    };
    expect(retries()).toBe(1);
    for (let i = 0; i < 20; i++) active("c").acquire("request");
    expect(retries()).toBe(4);
  });
});

describe("outlier detection", () => {
  const config: OutlierDetectionConfig = {
    consecutive5xx: 3,
    enforcing5xx: 100,
    consecutiveGatewayFailure: 2,
    enforcingGatewayFailure: 0,
    consecutiveLocalOriginFailure: 5,
    enforcingLocalOriginFailure: 100,
    splitLocalOrigin: false,
    intervalMs: 10_000,
    baseEjectionMs: 30_000,
    maxEjectionMs: 300_000,
    maxEjectionPercent: 34,
    alwaysEjectOneHost: false,
    maxEjectionJitterMs: 0,
    successRate: {
      minimumHosts: 3,
      requestVolume: 10,
      stdevFactor: 1000,
      enforcing: 0,
      enforcingLocalOrigin: 0,
    },
    failurePercentage: {
      threshold: 85,
      minimumHosts: 1,
      requestVolume: 10,
      enforcing: 0,
      enforcingLocalOrigin: 0,
    },
  };
  const fail: TryOutcome = { kind: "response", status: 500 };
  const start = (changes: Partial<OutlierDetectionConfig> = {}, count = 3) => {
    const parts = setUp();
    parts.manager.setAssignment("c", assignment(...Array.from({ length: count }, (_, i) => endpoint(i + 1))));
    parts.manager.upsert(clusterConfig({ outlierDetection: { ...config, ...changes }, panicThreshold: 0 }));
    const cluster = parts.active("c");
    const report = (at: number, outcome: TryOutcome, times: number) => {
      const host = cluster.hosts[at];
      if (host === undefined) throw new Error(`no host ${at}`);
      for (let i = 0; i < times; i++) cluster.report(host, outcome);
    };
    return { ...parts, cluster, report, ejected: () => cluster.hosts.map((host) => host.ejected) };
  };

  it("ejects after consecutive failures, not before", () => {
    const { report, ejected, cluster } = start();
    report(0, fail, 2);
    report(0, { kind: "response", status: 200 }, 1);
    report(0, fail, 2);
    expect(ejected()).toEqual([false, false, false]);
    report(0, fail, 1);
    expect(ejected()).toEqual([true, false, false]);
    for (let i = 0; i < 20; i++) expect(cluster.pick({})).not.toBe(cluster.hosts[0]);
  });

  // What Envoy 1.40 does with three hosts that always fail.
  it.each([
    [10, false, 0],
    [33, false, 0],
    [34, false, 1],
    [66, false, 1],
    [67, false, 2],
    [100, false, 3],
    [10, true, 1],
  ])("ejects at %d %% (always one: %s) %d of three", (maxEjectionPercent, alwaysEjectOneHost, expected) => {
    const { report, ejected, stats } = start({ maxEjectionPercent, alwaysEjectOneHost });
    for (let host = 0; host < 3; host++) report(host, fail, 3);
    expect(ejected().filter(Boolean)).toHaveLength(expected);
    expect(stats.counters.get("cluster.c.outlier_detection.ejections_overflow")?.value ?? 0).toBe(
      3 - expected,
    );
  });

  it("takes back after base time × ejections", () => {
    const { report, ejected, clock } = start();
    report(0, fail, 3);
    clock.advance(20_000);
    expect(ejected()[0]).toBe(true);
    clock.advance(10_000);
    expect(ejected()[0]).toBe(false);
    report(0, fail, 3);
    clock.advance(50_000);
    expect(ejected()[0]).toBe(true);
    clock.advance(10_000);
    expect(ejected()[0]).toBe(false);
  });

  it("counts failures to connect as 503, or apart", () => {
    const together = start();
    together.report(0, { kind: "connect-failure" }, 3);
    expect(together.ejected()[0]).toBe(true);
    const split = start({ splitLocalOrigin: true });
    split.report(0, { kind: "connect-failure" }, 4);
    expect(split.ejected()[0]).toBe(false);
    split.report(0, { kind: "connect-failure" }, 1);
    expect(split.ejected()[0]).toBe(true);
  });

  it("detects gateway failures without enforcing them unless told", () => {
    const lax = start();
    lax.report(0, { kind: "response", status: 503 }, 2);
    expect(lax.ejected()[0]).toBe(false);
    const strict = start({ enforcingGatewayFailure: 100 });
    strict.report(0, { kind: "response", status: 503 }, 2);
    expect(strict.ejected()[0]).toBe(true);
  });

  /** Ten answers of a host, so many of them failures, never three in a row. */
  const answers = (
    report: (at: number, outcome: TryOutcome, times: number) => void,
    at: number,
    failed: number,
  ) => {
    for (let i = 0; i < 10; i++) report(at, i < failed ? fail : { kind: "response", status: 200 }, 1);
  };

  it("ejects hosts whose success rate is far below the average, at the end of the interval", () => {
    const enforcing = { ...config.successRate, enforcing: 100 };
    const { report, ejected, clock, stats } = start({ consecutive5xx: 100, successRate: enforcing });
    answers(report, 0, 9);
    answers(report, 1, 1);
    answers(report, 2, 0);
    expect(ejected()).toEqual([false, false, false]);
    clock.advance(10_000);
    expect(ejected()).toEqual([true, false, false]);
    expect(stats.counter("cluster.c.outlier_detection.ejections_enforced_success_rate").value).toBe(1);
    // The counts begin anew.
    clock.advance(10_000);
    expect(ejected()).toEqual([true, false, false]);
  });

  it("does not judge success rates by too few hosts or requests", () => {
    const enforcing = { ...config.successRate, enforcing: 100 };
    const { report, ejected, clock } = start({ consecutive5xx: 100, successRate: enforcing });
    answers(report, 0, 9);
    answers(report, 1, 0);
    clock.advance(10_000);
    expect(ejected()).toEqual([false, false, false]);
  });

  it("ejects hosts that fail too often", () => {
    const failurePercentage = { ...config.failurePercentage, enforcing: 100 };
    const { report, ejected, clock } = start({ consecutive5xx: 100, failurePercentage });
    answers(report, 0, 8);
    answers(report, 1, 9);
    clock.advance(10_000);
    expect(ejected()).toEqual([false, true, false]);
  });
});

describe("subsets", () => {
  const versioned = (last: number, version: string, stage = "prod") =>
    endpoint(last, { metadata: { "envoy.lb": { version, stage } } });
  const start = (changes: Partial<SubsetConfig> = {}) => {
    const { manager, active, stats } = setUp();
    manager.setAssignment(
      "c",
      assignment(versioned(1, "v1"), versioned(2, "v2"), versioned(3, "v2", "test")),
    );
    manager.upsert(
      clusterConfig({
        subsets: {
          selectors: [{ keys: ["version"] }, { keys: ["stage", "version"], fallback: { keys: ["version"] } }],
          fallback: "none",
          defaultSubset: {},
          listAsAny: false,
          panicModeAny: false,
          ...changes,
        },
      }),
    );
    const pick = (subset?: Record<string, unknown>) =>
      [
        ...new Set(
          Array.from({ length: 20 }, () => active("c").pick(subset === undefined ? {} : { subset })?.address),
        ),
      ]
        .map((address) => address?.replace("10.0.0.", ""))
        .sort();
    return { pick, stats };
  };

  it.each([
    ["a selector's keys", {}, { version: "v2" }, ["2", "3"]],
    ["two keys in any order", {}, { version: "v2", stage: "test" }, ["3"]],
    ["fewer keys where two find none", {}, { version: "v1", stage: "test" }, ["1"]],
    ["nothing where no host fits", {}, { version: "v3" }, [undefined]],
    ["nothing without a selector for the keys", {}, { stage: "prod" }, [undefined]],
    ["any host, where that is the fallback", { fallback: "any" }, { version: "v3" }, ["1", "2", "3"]],
    [
      "the default, where that is the fallback",
      { fallback: "default", defaultSubset: { version: "v1" } },
      undefined,
      ["1"],
    ],
    [
      "any host in panic",
      { fallback: "default", defaultSubset: { version: "v9" }, panicModeAny: true },
      undefined,
      ["1", "2", "3"],
    ],
  ] as const)("takes %s", (_what, changes, wanted, expected) => {
    expect(start(changes).pick(wanted)).toEqual(expected);
  });
});
