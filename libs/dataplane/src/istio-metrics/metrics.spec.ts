import { createFakeClock } from "@weft/base";
import { Problems } from "../compile/problems.ts";
import { HeaderMap } from "../runtime/headers.ts";
import { RequestHead } from "../runtime/request.ts";
import { StreamInfo } from "../runtime/stream-info.ts";
import { decodeStatsConfig } from "./config.ts";
import { localWorkload, workloadOfEndpoint } from "./labels.ts";
import { createIstioMetrics } from "./metrics.ts";

const standard = { disableHostHeaderFallback: false, tcpReportingMs: 5000, overrides: [] };
const somewhere = { address: "127.0.0.1", port: 1 };

/** A request that nobody answered, to an authority of its own. */
function requestTo(authority: string): StreamInfo {
  const info = new StreamInfo(
    {
      listener: "l",
      direction: "outbound",
      filterChain: "",
      remoteAddress: somewhere,
      directRemoteAddress: somewhere,
      localAddress: somewhere,
    },
    0,
    0,
  );
  info.request = new RequestHead("GET", "/", authority, "HTTP/1.1", new HeaderMap());
  return info;
}

function setUp(bounds = { limit: 3, idleMs: 1000 }) {
  const clock = createFakeClock();
  const metrics = createIstioMetrics({ nodeMetadata: {}, clusters: { get: () => undefined }, clock, bounds });
  const counts = (selection = {}) =>
    metrics
      .format({ filter: /requests_total$/, ...selection })
      .split("\n")
      .filter((line) => line.startsWith("istio_"))
      .map((line) => [/(?:destination_service|overflow)="([^"]*)"/.exec(line)?.[1], line.split(" ").at(-1)]);
  return { clock, metrics, counts };
}

describe("createIstioMetrics()", () => {
  it("counts what is beyond its bound together", () => {
    const { metrics, counts } = setUp();
    const recorder = metrics.recorder("source", standard);
    for (const host of ["a", "b", "c", "d", "e", "a"]) recorder.request(requestTo(host));
    expect(counts()).toEqual([
      ["a", "2"],
      ["b", "1"],
      ["c", "1"],
      ["true", "2"],
    ]);
  });

  it("drops series that were left alone, and begins them anew", () => {
    const { clock, metrics, counts } = setUp();
    const recorder = metrics.recorder("source", standard);
    recorder.request(requestTo("a"));
    recorder.request(requestTo("b"));
    expect(counts()).toHaveLength(2);
    clock.advance(999);
    recorder.request(requestTo("b"));
    expect(counts()).toHaveLength(2);
    clock.advance(1);
    expect(counts()).toEqual([["b", "2"]]);
    recorder.request(requestTo("a"));
    expect(counts()).toEqual([
      ["b", "2"],
      ["a", "1"],
    ]);
  });

  it("gives equal configurations one recorder, so that they share series", () => {
    const { metrics } = setUp();
    expect(metrics.recorder("source", { ...standard })).toBe(metrics.recorder("source", standard));
    expect(metrics.recorder("destination", standard)).not.toBe(metrics.recorder("source", standard));
  });

  it("sets all to 0, and leaves out what is unused where that is asked", () => {
    const { metrics, counts } = setUp();
    metrics.recorder("source", standard).request(requestTo("a"));
    metrics.reset();
    expect(counts()).toEqual([["a", "0"]]);
    expect(counts({ usedOnly: true })).toEqual([]);
  });

  it("escapes what clients say", () => {
    const { metrics } = setUp();
    metrics.recorder("source", standard).request(requestTo('a"} 1\n\\'));
    expect(metrics.format({ filter: /requests_total$/ })).toContain(
      String.raw`destination_service="a\"} 1\n\\",`,
    );
  });
});

describe("localWorkload()", () => {
  it.each([
    [{}, "unknown", "latest"],
    [{ WORKLOAD_NAME: "w" }, "w", "latest"],
    [{ WORKLOAD_NAME: "w", LABELS: { app: "a", version: "v1" } }, "a", "v1"],
    [
      {
        LABELS: { app: "a", "app.kubernetes.io/name": "n", "app.kubernetes.io/version": "v2", version: "v1" },
      },
      "n",
      "v2",
    ],
    [
      {
        LABELS: {
          app: "a",
          "service.istio.io/canonical-name": "c",
          "service.istio.io/canonical-revision": "r",
        },
      },
      "c",
      "r",
    ],
  ])("reads %j", (metadata, canonicalService, canonicalRevision) => {
    expect(localWorkload(metadata)).toMatchObject({ canonicalService, canonicalRevision });
  });
});

describe("workloadOfEndpoint()", () => {
  it.each([
    [undefined, "", "unknown", "unknown"],
    [{ istio: { workload: 7 } }, "spiffe://td/ns/n/sa/s", "unknown", "n"],
    [{ istio: { workload: "w;n;c;r" } }, "", "unknown", "unknown"],
    [{ istio: { workload: "w;;c;r;k" } }, "spiffe://td/ns/n/sa/s", "w", "n"],
    [{ istio: { workload: "w;n;c;r;k" } }, "spiffe://td/ns/other/sa/s", "w", "n"],
  ])("reads %j of %s", (metadata, principal, workload, namespace) => {
    expect(workloadOfEndpoint(metadata, principal)).toMatchObject({ workload, namespace });
  });
});

describe("decodeStatsConfig()", () => {
  it("takes either spelling of fields", () => {
    const problems = new Problems();
    const config = decodeStatsConfig(
      {
        disableHostHeaderFallback: true,
        tcp_reporting_duration: "1.5s",
        metrics: [{ name: "requests_total", tagsToRemove: ["a"], dimensions: { b: '"x"' }, drop: true }],
      },
      "value",
      problems,
    );
    expect(config).toEqual({
      disableHostHeaderFallback: true,
      tcpReportingMs: 1500,
      overrides: [{ name: "requests_total", drop: true, tagsToRemove: ["a"], constants: { b: "x" } }],
    });
    expect(problems.list).toEqual([]);
  });

  it.each([
    [{ tcp_reporting_duration: "soon" }, "warning", "value.tcp_reporting_duration"],
    [{ tcp_reporting_duration: "0s" }, "warning", "value.tcp_reporting_duration"],
    [{ field_separator: ";" }, "warning", "value.field_separator"],
    [{ metrics: [{ name: "mine" }] }, "warning", "value.metrics[0].name"],
    [{ metrics: [{ match: "x" }] }, "warning", "value.metrics[0].match"],
    [{ metrics: [{ dimensions: { a: "request.method" } }] }, "warning", "value.metrics[0].dimensions.a"],
  ])("says what it does not take of %j", (value, severity, path) => {
    const problems = new Problems();
    decodeStatsConfig(value, "value", problems);
    expect(problems.list).toMatchObject([{ severity, path }]);
  });
});
