import type { LoadBalancerConfig } from "../runtime/cluster-config.ts";
import { host, seededRandom } from "./fixtures.ts";
import { xxHash64 } from "./hash.ts";
import { createLoadBalancer, type LoadBalancer } from "./load-balancer.ts";

interface Case {
  readonly config: LoadBalancerConfig;
  readonly weighted: boolean;
  readonly hashed: boolean;
}

const cases: readonly Case[] = [
  { config: { kind: "round-robin" }, weighted: true, hashed: false },
  { config: { kind: "random" }, weighted: false, hashed: false },
  { config: { kind: "least-request", choices: 2, activeRequestBias: 1 }, weighted: true, hashed: false },
  {
    config: { kind: "ring-hash", minimumRingSize: 1024, maximumRingSize: 8_388_608, byHostname: false },
    weighted: true,
    hashed: true,
  },
  { config: { kind: "maglev", tableSize: 65_537, byHostname: false }, weighted: true, hashed: true },
];

const dependencies = (now = 0) => ({ random: seededRandom(), now: () => now });

function distribution(balancer: LoadBalancer, picks: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < picks; i++) {
    const key = balancer.pick({ hash: xxHash64(`user-${i}`) })?.key ?? "none";
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

describe.each(cases)("the contract of load balancers: $config.kind", ({ config, weighted, hashed }) => {
  const create = (hosts: Parameters<typeof createLoadBalancer>[1]) =>
    createLoadBalancer(config, hosts, dependencies());

  it("picks nothing from nothing", () => {
    expect(create([]).pick({ hash: 1n })).toBeUndefined();
    expect(create([]).pick({})).toBeUndefined();
  });

  it("picks the only host", () => {
    const only = host(1);
    expect(create([only]).pick({})).toBe(only);
  });

  it("gives equal hosts equal shares, within 12 %", () => {
    const counts = distribution(create([host(1), host(2), host(3), host(4)]), 8000);
    for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(240);
    expect(counts.size).toBe(4);
  });

  it(weighted ? "gives shares by weight, within 12 %" : "knows no weights", () => {
    const counts = distribution(create([host(1, { weight: 3 }), host(2), host(3)]), 10_000);
    const expected = weighted ? 6000 : 3333;
    expect(Math.abs((counts.get("10.0.0.1:80") ?? 0) - expected)).toBeLessThan(expected * 0.12);
  });

  it("works without a hash", () => {
    const balancer = create([host(1), host(2)]);
    for (let i = 0; i < 10; i++) expect(balancer.pick({})).toBeDefined();
  });

  if (hashed) {
    it("keeps a hash on its host, and most hashes when a host is added", () => {
      const hosts = [host(1), host(2), host(3)];
      const before = create(hosts);
      const after = create([...hosts, host(4)]);
      let moved = 0;
      for (let i = 0; i < 1000; i++) {
        const hash = xxHash64(`user-${i}`);
        expect(before.pick({ hash })).toBe(before.pick({ hash }));
        if (before.pick({ hash }) !== after.pick({ hash })) moved++;
      }
      expect(moved).toBeGreaterThan(150);
      expect(moved).toBeLessThan(420);
    });
  }
});

describe("createLoadBalancer() least-request", () => {
  it("prefers the host with fewer open requests", () => {
    const [busy, idle] = [host(1), host(2)];
    busy.activeRequests = 10;
    const balancer = createLoadBalancer(
      { kind: "least-request", choices: 2, activeRequestBias: 1 },
      [busy, idle],
      dependencies(),
    );
    const counts = distribution(balancer, 1000);
    // Both draws hit the busy one in a quarter of all picks.
    expect(Math.abs((counts.get(busy.key) ?? 0) - 250)).toBeLessThan(60);
  });

  it("lowers weights by open requests", () => {
    const [busy, idle] = [host(1, { weight: 2 }), host(2)];
    busy.activeRequests = 9;
    const balancer = createLoadBalancer(
      { kind: "least-request", choices: 2, activeRequestBias: 1 },
      [busy, idle],
      dependencies(),
    );
    const counts = distribution(balancer, 1200);
    expect(Math.abs((counts.get(busy.key) ?? 0) - 200)).toBeLessThan(30);
  });
});

describe("slow start", () => {
  const slowStart = { windowMs: 60_000, aggression: 1, minWeightPercent: 10 };
  const share = (config: LoadBalancerConfig, age: number) => {
    const [old, fresh] = [host(1), host(2)];
    old.healthySince = -100_000;
    fresh.healthySince = 0;
    const counts = distribution(createLoadBalancer(config, [old, fresh], dependencies(age)), 1100);
    return (counts.get(fresh.key) ?? 0) / 1100;
  };

  it.each([
    ["at first: the least share", 1000, 1, 0.1 / 1.1],
    ["after a quarter of the window", 15_000, 1, 0.25 / 1.25],
    ["the same with an aggression of 2", 15_000, 2, 0.5 / 1.5],
    ["after the window: as all others", 60_000, 1, 0.5],
  ])("%s", (_when, age, aggression, expected) => {
    const config = { ...slowStart, aggression };
    expect(share({ kind: "round-robin", slowStart: config }, age)).toBeCloseTo(expected, 1.9);
    if (age < 60_000)
      expect(
        share({ kind: "least-request", choices: 2, activeRequestBias: 1, slowStart: config }, age),
      ).toBeCloseTo(expected, 1.9);
  });
});
