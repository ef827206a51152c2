import { parseAppMetricsTarget } from "./app-metrics.ts";

describe("parseAppMetricsTarget()", () => {
  it.each([
    [undefined, undefined],
    ["", undefined],
    ['{"scrape":"false","port":"8080"}', undefined],
    ['{"scrape":"true","path":"/m","port":"8080"}', { path: "/m", port: 8080 }],
    ['{"scrape":"true","path":"m"}', { path: "/m", port: 80 }],
  ])("reads %j as %j", (text, value) => {
    expect(parseAppMetricsTarget(text, 15020)).toEqual({ value, problems: [] });
  });

  it.each([
    ["{", 'is not JSON: "{"'],
    ['{"scrape":"true","port":"x"}', "port must be 1 to 65535, is x"],
    ['{"scrape":"true","port":15020}', "port 15020 is the agent's own, the application's is needed"],
  ])("says of %j: %s", (text, message) => {
    const { value, problems } = parseAppMetricsTarget(text, 15020);
    expect([value, problems.map((problem) => problem.message)]).toEqual([undefined, [message]]);
  });
});
