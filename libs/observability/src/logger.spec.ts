import { createLogger, parseLogLevel } from "./logger.ts";

function lines(options: { pretty: boolean }) {
  const written: string[] = [];
  const destination = { write: (line: string) => written.push(line) };
  return { written, logger: createLogger({ component: "pilot", destination, ...options }) };
}

describe("createLogger()", () => {
  it("writes JSON lines with the component, and redacts secrets", () => {
    const { written, logger } = lines({ pretty: false });
    logger.child({ proxy: "a.b" }).info({ token: "t", request: { authorization: "x" } }, "connected");
    logger.debug("left out");
    expect(written).toHaveLength(1);
    expect(JSON.parse(written[0]!)).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      component: "pilot",
      proxy: "a.b",
      token: "[redacted]",
      request: { authorization: "[redacted]" },
      message: "connected",
    });
  });

  it("writes one line for people, and an error's stack below it", () => {
    const { written, logger } = lines({ pretty: true });
    logger.warn({ port: 80, why: "two words" }, "taken");
    logger.error({ err: new Error("boom") }, "failed");
    expect(written[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warn {2}pilot {2}taken port=80 why="two words"\n$/);
    expect(written[1]).toMatch(/failed\n {2}Error: boom\n {6}at /);
  });
});

describe("parseLogLevel()", () => {
  it.each([
    ["", "info"],
    ["warn", "warn"],
    ["default:warn,xds:debug", "warn"],
    ["all:error,pilot:debug", "debug"],
  ])("reads %j as %s", (text, level) => {
    expect(parseLogLevel(text, "pilot")).toEqual({ level });
  });

  it("says what is allowed", () => {
    expect(parseLogLevel("xds:loud", "pilot")).toEqual({
      problem:
        'log level "xds:loud": unknown level "loud", allowed are debug, info, warn, error, fatal, none',
    });
  });
});
