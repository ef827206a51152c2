import { formatProtoDuration, parseDuration } from "./duration.ts";

describe("parseDuration()", () => {
  it.each([
    ["0", 0],
    ["5s", 5000],
    ["1h2m3s", 3_723_000],
    ["1.5s", 1500],
    [".5ms", 0.5],
    ["-2s", -2000],
    ["10us", 0.01],
  ])("reads %s as %d ms", (text, ms) => {
    expect(parseDuration(text)).toBeCloseTo(ms, 9);
  });

  it.each(["", "5", "s", "5 s", "1d", "1s2", "--1s"])("does not take %j", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe("formatProtoDuration()", () => {
  it.each([
    [0, "0s"],
    [5000, "5s"],
    [250, "0.250s"],
    [-1500, "-1.500s"],
    [0.001, "0.000001s"],
  ])("writes %d ms as %s", (ms, text) => {
    expect(formatProtoDuration(ms)).toBe(text);
  });
});
