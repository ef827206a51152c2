import { createFakeClock } from "@weft/base";
import { createStatsStore } from "../stats/index.ts";
import { createDnsCache, type DnsAnswer, type DnsCacheConfig } from "./cache.ts";

const config: DnsCacheConfig = {
  name: "c",
  family: "v4",
  refreshMs: 1000,
  hostTtlMs: 5000,
  maxHosts: 2,
  queryTimeoutMs: 500,
  maxPending: 2,
  preresolved: [],
};

function setUp(changes: Partial<DnsCacheConfig> = {}) {
  const clock = createFakeClock();
  const stats = createStatsStore();
  const addresses = new Map<string, string>();
  let queries = 0;
  const cache = createDnsCache(
    { ...config, ...changes },
    {
      clock,
      stats,
      resolver: {
        resolve: async (name) => {
          queries++;
          const address = addresses.get(name);
          if (address === "never") return new Promise(() => {});
          if (address === undefined) throw new Error("no such name");
          return [address];
        },
      },
    },
  );
  const load = (name: string) => {
    const answers: DnsAnswer[] = [];
    const cancel = cache.load(name, (answer) => answers.push(answer));
    return { answers, cancel };
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { clock, stats, addresses, cache, load, settle, queries: () => queries };
}

describe("createDnsCache()", () => {
  it("looks a name up once for all who ask, then answers at once", async () => {
    const { addresses, load, settle, queries, cache } = setUp();
    addresses.set("a", "10.0.0.1");
    const [first, second] = [load("a"), load("a")];
    expect(first.answers).toEqual([]);
    expect(cache.addressOf("a")).toBeUndefined();
    await settle();
    expect([first.answers, second.answers]).toEqual(Array(2).fill([{ kind: "found", address: "10.0.0.1" }]));
    expect(load("a").answers).toEqual([{ kind: "found", address: "10.0.0.1" }]);
    expect(queries()).toBe(1);
    expect(cache.addressOf("a")).toBe("10.0.0.1");
  });

  it("says that a name has no address, and waits no longer than told", async () => {
    const { addresses, load, settle, clock, stats } = setUp();
    addresses.set("slow", "never");
    const [none, slow] = [load("none"), load("slow")];
    await settle();
    expect(none.answers).toEqual([{ kind: "none" }]);
    clock.advance(500);
    await settle();
    expect(slow.answers).toEqual([{ kind: "none" }]);
    expect(stats.counter("dns_query_timeout").value).toBe(1);
  });

  it("looks names up anew, keeps the address of one that is gone, and forgets what is not used", async () => {
    const { addresses, load, settle, clock, cache, stats } = setUp();
    addresses.set("a", "10.0.0.1");
    load("a");
    await settle();
    addresses.set("a", "10.0.0.2");
    clock.advance(1000);
    await settle();
    expect(cache.addressOf("a")).toBe("10.0.0.2");
    addresses.delete("a");
    clock.advance(1000);
    await settle();
    expect(cache.addressOf("a")).toBe("10.0.0.2");
    for (let i = 0; i < 7; i++) {
      clock.advance(1000);
      await settle();
    }
    expect(cache.addressOf("a")).toBeUndefined();
    expect(stats.gauge("num_hosts").value).toBe(0);
  });

  it("is bounded in names, and in requests that wait", async () => {
    const { addresses, load, stats } = setUp();
    addresses.set("a", "never").set("b", "never");
    const [first] = [load("a"), load("b")];
    expect(load("c").answers).toEqual([{ kind: "overflow" }]);
    expect(load("a").answers).toEqual([{ kind: "pending-overflow" }]);
    first?.cancel();
    expect(load("a").answers).toEqual([]);
    expect(stats.counter("host_overflow").value).toBe(1);
    expect(stats.counter("dns_rq_pending_overflow").value).toBe(1);
  });
});
