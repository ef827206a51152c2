import { PassThrough } from "node:stream";
import { createLiveView } from "./live-view.ts";
import { formatSpan, renderSummary } from "./summary.ts";
import { renderTable } from "./table.ts";
import { spread } from "./traffic.ts";

const capture = (terminal?: { columns: number }) => {
  const out = Object.assign(new PassThrough({ encoding: "utf8" }), terminal && { isTTY: true, ...terminal });
  return { out, text: () => out.read() as string };
};

describe("renderTable()", () => {
  it("aligns columns", () => {
    const columns = [
      { title: "NAME", value: (row: readonly [string, string]) => row[0] },
      { title: "N", align: "right" as const, value: (row: readonly [string, string]) => row[1] },
    ];
    expect(
      renderTable(columns, [
        ["reviews", "1"],
        ["a", "100"],
      ]),
    ).toEqual(["NAME       N", "reviews    1", "a        100"]);
  });
});

describe("renderSummary()", () => {
  it("shows a line per edge", () => {
    const edge = {
      from: "ingress",
      service: "productpage",
      version: "v1",
      requests: 40,
      errors: 1,
      connections: 2,
      secured: 2,
      p50: 3.25,
      p99: undefined,
    };
    const lines = renderSummary(
      { upSeconds: 12, recentSeconds: 10, proxies: 7, synced: 6, certificateSeconds: 86_000 },
      [{ ...edge, recentRequests: 30, recentShare: 1 }],
    );
    expect(lines[0]).toMatch(
      /^up 12 s, 6 of 7 proxies in sync, 3\.0 requests\/s at the ingress, certificates end in 23h 53m or later/,
    );
    expect(lines[2]?.split(/\s{2,}/)).toEqual([
      "ingress",
      "productpage",
      "v1",
      "yes",
      "100 %",
      "40",
      "97.5 %",
      "3.3",
      "-",
    ]);
  });
});

describe("formatSpan()", () => {
  it.each([
    [86_399.9, "23h 59m"],
    [245, "4m 5s"],
    [17.8, "17s"],
    [-3, "0s"],
  ])("%d seconds: %s", (seconds, text) => {
    expect(formatSpan(seconds)).toBe(text);
  });
});

describe("createLiveView()", () => {
  it("draws a block again in place on a terminal, below the lines that stay, cut to its width", () => {
    const { out, text } = capture({ columns: 6 });
    const view = createLiveView(out);
    view.block(["one", "two too long"]);
    view.line("a line that stays");
    view.block(["three"]);
    view.settle();
    view.line("below");
    expect(text()).toBe(
      "one\ntwo t\n\x1b[2A\x1b[Ja line that stays\none\ntwo t\n\x1b[2A\x1b[Jthree\nbelow\n",
    );
  });

  it("prints block after block elsewhere", () => {
    const { out, text } = capture();
    const view = createLiveView(out);
    view.block(["one"]);
    view.block(["two"]);
    expect(text()).toBe("one\n\ntwo\n\n");
  });
});

describe("spread()", () => {
  it("mixes requests by weight", () => {
    const request = (path: string, weight: number) => ({ path, weight, headers: {} });
    const paths = spread([request("a", 3), request("b", 1)]).map(({ path }) => path);
    expect(paths.join("")).toMatch(/^a+ba+$/);
    expect(paths).toHaveLength(4);
  });
});
