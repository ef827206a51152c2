import { createStore, type MeshObject } from "@weft/mesh-model";
import { parseAdsload } from "./adsload.ts";
import { configFiles, importedServices, proxyNamespace, serviceHost } from "./objects.ts";
import { scenarios } from "./scenarios.ts";
import { formatTable } from "./table.ts";

const connected =
  "connect: streams 2, failed 0, with all four types 2, synced in 1.25s, bytes 709.5 MB, messages 400, server cpu 0.60s, server rss 412 MB\n";
const round = (n: number, last: number) =>
  `round ${n}: RDS first 5 ms, p50 6 ms, last ${last} ms, missed 0, bytes 1.50 MB, messages 100, server cpu 0.10s, rss ${400 + n} MB\n`;

describe("parseAdsload()", () => {
  it("takes the medians of the rounds, and the most memory", () => {
    const text = connected + round(0, 90) + round(1, 7) + round(2, 12);
    expect(parseAdsload(text, { connect: "warm", change: "route", proxies: 2 })).toEqual([
      { name: "warm", ms: 1250, sentMb: 709.5, cpuMs: 600, rssMb: 412 },
      { name: "route", ms: 12, sentMb: 1.5, cpuMs: 100, rssMb: 402 },
    ]);
  });

  it("rejects a run in which a proxy missed something", () => {
    expect(() => parseAdsload(connected, { connect: "warm", proxies: 3 })).toThrow("did not connect all");
    const missed = connected + round(0, 9).replace("missed 0", "missed 1");
    expect(() => parseAdsload(missed, { connect: "warm", change: "route", proxies: 2 })).toThrow("not all");
  });
});

describe("configFiles()", () => {
  it.each(scenarios.filter(({ services }) => services <= 1_000))("makes what $name says", (scenario) => {
    const store = createStore();
    for (const { objects } of configFiles(scenario)) {
      for (const { apiVersion, kind, metadata, ...body } of objects) {
        const object = {
          apiVersion,
          kind,
          metadata: { labels: {}, annotations: {}, ...(metadata as object) },
          body,
        };
        store.apply({ kind: "upsert", object: object as MeshObject });
      }
    }
    const { services, endpoints, configs } = store.snapshot();
    expect(services.all).toHaveLength(scenario.services);
    expect(endpoints.get(`default/${serviceHost(0)}`)).toHaveLength(scenario.endpoints * scenario.ports);
    expect(configs.virtualServices).toHaveLength(scenario.services / scenario.everyNthRule);
  });
});

describe("importedServices()", () => {
  it("gives each namespace as many services as its Sidecar has", () => {
    const scenario = { ...(scenarios.at(-1) ?? { services: 0 }), services: 50, sidecarScope: 20 } as never;
    expect(proxyNamespace(scenario, 21)).toBe("team-1");
    expect(importedServices(scenario, 2)).toHaveLength(20);
    expect(Math.max(...importedServices(scenario, 2))).toBeLessThan(50);
  });
});

describe("formatTable()", () => {
  it("puts goals beside figures", () => {
    const step = { name: "EndpointSlice", ms: 12.3, sentMb: 0.13, cpuMs: 50, rssMb: 200, heldMs: 7 };
    expect(formatTable([step], true)).toContain("12 (≤ 20, istiod 119)");
    expect(formatTable([step], false)).toMatch(/EndpointSlice +12 +0\.13 +50 +200 +7\.00/);
  });
});
