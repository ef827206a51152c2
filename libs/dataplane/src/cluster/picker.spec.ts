import { host, seededRandom } from "./fixtures.ts";
import type { ClusterHost } from "./host.ts";
import { createPicker, type LocalityHosts, type PickerOptions } from "./picker.ts";
import { computePriorityLoad } from "./priority.ts";

function hosts(total: number, healthy: number, degraded = 0): ClusterHost[] {
  return Array.from({ length: total }, (_, i) =>
    host(i + 1, { health: i < healthy ? "healthy" : i < healthy + degraded ? "degraded" : "unhealthy" }),
  );
}

describe("computePriorityLoad()", () => {
  // The tables of Envoy's documentation on priority levels.
  it.each([
    ["all healthy", [[4, 4]], [100], [0]],
    [
      "72 % is still all of it",
      [
        [100, 72],
        [100, 100],
      ],
      [100, 0],
      [0, 0],
    ],
    [
      "71 % spills over one",
      [
        [100, 71],
        [100, 100],
      ],
      [99, 1],
      [0, 0],
    ],
    [
      "50 %",
      [
        [100, 50],
        [100, 100],
      ],
      [70, 30],
      [0, 0],
    ],
    [
      "none",
      [
        [100, 0],
        [100, 100],
      ],
      [0, 100],
      [0, 0],
    ],
    [
      "25 % and 25 %: scaled up",
      [
        [100, 25],
        [100, 25],
      ],
      [50, 50],
      [0, 0],
    ],
    ["degraded take what is left", [[100, 50, 50]], [70], [30]],
  ])("%s", (_name, levels, healthy, degraded) => {
    const load = computePriorityLoad(
      levels.map(([all = 0, good = 0, poor = 0]) => {
        const list = hosts(all, good, poor);
        return {
          all: list,
          healthy: list.filter((h) => h.healthy),
          degraded: list.filter((h) => h.degraded),
        };
      }),
      140,
      0,
    );
    expect(load.healthy.map(Math.round)).toEqual(healthy);
    expect(load.degraded.map(Math.round)).toEqual(degraded);
  });
});

describe("createPicker()", () => {
  const options: PickerOptions = {
    loadBalancer: { kind: "round-robin" },
    localityWeighted: false,
    overprovisioningPercent: 140,
    panicThreshold: 50,
    failTrafficOnPanic: false,
    random: seededRandom(),
    now: () => 0,
  };
  const picked = (
    localities: readonly LocalityHosts[],
    changes: Partial<PickerOptions> = {},
    times = 1000,
  ) => {
    const picker = createPicker(localities, { ...options, ...changes });
    const counts = new Map<ClusterHost | undefined, number>();
    for (let i = 0; i < times; i++) {
      const chosen = picker.pick({});
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    }
    return counts;
  };

  it("picks nothing where there is nothing", () => {
    expect([...picked([], {}, 1).keys()]).toEqual([undefined]);
    expect([...picked([{ priority: 0, weight: 1, hosts: [] }], {}, 1).keys()]).toEqual([undefined]);
  });

  it("leaves out unhealthy hosts", () => {
    const list = hosts(3, 2);
    expect(picked([{ priority: 0, weight: 1, hosts: list }]).size).toBe(2);
  });

  it("uses all hosts where fewer than the panic threshold are healthy", () => {
    const list = hosts(4, 1);
    expect(picked([{ priority: 0, weight: 1, hosts: list }]).size).toBe(4);
    expect([
      ...picked([{ priority: 0, weight: 1, hosts: list }], { failTrafficOnPanic: true }).keys(),
    ]).toEqual([undefined]);
  });

  it("uses only healthy hosts where the threshold is 0", () => {
    expect(picked([{ priority: 0, weight: 1, hosts: hosts(4, 1) }], { panicThreshold: 0 }).size).toBe(1);
    expect([
      ...picked([{ priority: 0, weight: 1, hosts: hosts(4, 0) }], { panicThreshold: 0 }, 1).keys(),
    ]).toEqual([undefined]);
  });

  it("fails over to the next priority", () => {
    const [near, far] = [hosts(2, 0), hosts(2, 2)];
    const counts = picked([
      { priority: 0, weight: 1, hosts: near },
      { priority: 1, weight: 1, hosts: far },
    ]);
    expect([...counts.keys()].every((chosen) => chosen !== undefined && far.includes(chosen))).toBe(true);
  });

  it("weighs localities where asked", () => {
    const [near, far] = [hosts(1, 1), hosts(1, 1)];
    const localities = [
      { priority: 0, weight: 80, hosts: near },
      { priority: 0, weight: 20, hosts: far },
    ];
    const share = (counts: Map<ClusterHost | undefined, number>) => counts.get(near[0]) ?? 0;
    expect(Math.abs(share(picked(localities, { localityWeighted: true }, 5000)) - 4000)).toBeLessThan(150);
    expect(Math.abs(share(picked(localities, {}, 5000)) - 2500)).toBeLessThan(150);
  });

  it("leaves out priorities that were tried, and begins anew when all were", () => {
    const levels = [hosts(1, 1), hosts(1, 1), hosts(1, 1)];
    const picker = createPicker(
      levels.map((list, priority) => ({ priority, weight: 1, hosts: list })),
      options,
    );
    const retryPriority = { updateFrequency: 1, attempted: [] as number[], excluded: new Set<number>() };
    const order: number[] = [];
    for (let i = 0; i < 6; i++) {
      const chosen = picker.pick({ retryPriority });
      const priority = levels.findIndex((list) => chosen !== undefined && list.includes(chosen));
      order.push(priority);
      retryPriority.attempted.push(priority);
    }
    expect(order).toEqual([0, 1, 2, 0, 1, 2]);
  });
});
