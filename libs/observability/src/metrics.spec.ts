import { createMetrics } from "./metrics.ts";

describe("createMetrics()", () => {
  it("writes Prometheus text, and counters under the names they were given", async () => {
    const metrics = await createMetrics();
    metrics.counter("pilot_xds_pushes", "Pushes.").add(2, { type: "cds" });
    metrics.counter("pilot_total_xds_rejects", "Rejects.").add(1);
    metrics.gauge("pilot_services", "Services.").set(7);
    metrics.histogram("pilot_xds_push_time", "Seconds.", [0.1, 1]).record(0.5, { type: "cds" });
    metrics.observedGauge("pilot_xds", "Proxies.", (report) => report(3, { version: "1" }));
    const text = await metrics.text();
    expect(text).toContain("# TYPE pilot_xds_pushes counter\n");
    expect(text).toContain('\npilot_xds_pushes{type="cds"} 2\n');
    expect(text).toContain("\npilot_total_xds_rejects 1\n");
    expect(text).toContain("\npilot_services 7\n");
    expect(text).toContain('pilot_xds_push_time_bucket{type="cds",le="1"} 1\n');
    expect(text).toContain('pilot_xds{version="1"} 3\n');
    await metrics.close();
  });
});
