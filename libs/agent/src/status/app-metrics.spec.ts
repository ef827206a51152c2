import { maxTargets, parseAppMetricsTargets } from "./app-metrics.ts";

describe("parseAppMetricsTargets()", () => {
  it.each([
    [undefined, []],
    ["", []],
    ['{"scrape":"false","port":"8080"}', []],
    ['{"scrape":"true","path":"/m","port":"8080"}', [{ path: "/m", port: 8080 }]],
    ['{"scrape":"true","path":"m"}', [{ path: "/m", port: 80 }]],
    ['{"scrape":"","path":"","port":"8080"}', [{ path: "/metrics", port: 8080 }]],
    [
      '{"scrape":"true","port":"1","targets":[{"port":"8080","path":"/a"},{"port":"9100"}]}',
      [
        { path: "/a", port: 8080 },
        { path: "/metrics", port: 9100 },
      ],
    ],
    ['{"scrape":"true","port":"8080","targets":[]}', [{ path: "/metrics", port: 8080 }]],
  ])("reads %j as %j", (text, value) => {
    expect(parseAppMetricsTargets(text, 15020)).toEqual({ value, problems: [] });
  });

  it.each([
    ["{", "", 'is not a JSON object: "{"'],
    ["[]", "", 'is not a JSON object: "[]"'],
    ['{"scrape":"true","port":"x"}', "", "port must be 1 to 65535, is x"],
    ['{"scrape":"true","port":15020}', "", "port 15020 is the agent's own, the application's is needed"],
    ['{"targets":[{"port":"70000"}]}', ".targets[0]", "port must be 1 to 65535, is 70000"],
    [
      '{"targets":[null,{"port":"15020"}]}',
      ".targets[1]",
      "port 15020 is the agent's own, the application's is needed",
    ],
    ['{"targets":"8080"}', ".targets", "is no list"],
  ])("says of %j, at %j: %s", (text, field, message) => {
    const { problems } = parseAppMetricsTargets(text, 15020);
    expect(problems.map(({ path, message: said }) => [path, said])).toEqual([
      [`ISTIO_PROMETHEUS_ANNOTATIONS${field}`, message],
    ]);
  });

  it("asks a bounded number of places", () => {
    const targets = Array.from({ length: maxTargets + 1 }, (_, i) => ({ port: 9000 + i }));
    const { value, problems } = parseAppMetricsTargets(JSON.stringify({ targets }), 15020);
    expect([value.length, problems[0]?.message]).toEqual([
      32,
      "has 33 entries, of which the first 32 are asked",
    ]);
  });
});
