import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakeClock } from "@weft/base";
import fc from "fast-check";
import type { ConnectionInfo } from "../runtime/connection.ts";
import { HeaderMap } from "../runtime/headers.ts";
import { RequestHead, ResponseHead } from "../runtime/request.ts";
import { StreamInfo } from "../runtime/stream-info.ts";
import { createStatsStore } from "../stats/index.ts";
import { compileFormat, compileJsonFormat, defaultFormat, FormatError, openLogFile } from "./index.ts";

const connection: ConnectionInfo = {
  listener: "l",
  direction: "inbound",
  filterChain: "chain",
  remoteAddress: { address: "10.0.0.9", port: 4000 },
  directRemoteAddress: { address: "10.0.0.9", port: 4000 },
  localAddress: { address: "::1", port: 80 },
  serverName: "reviews.example",
};

function request(): StreamInfo {
  const info = new StreamInfo(connection, Date.UTC(2026, 0, 31, 12, 0, 5, 7), 1000);
  info.protocol = "HTTP/1.1";
  info.request = new RequestHead(
    "GET",
    "/a?b=c",
    "reviews:80",
    "HTTP/1.1",
    new HeaderMap(["user-agent", "curl"]),
  );
  info.originalPath = "/a?b=c";
  info.response = new ResponseHead(503, new HeaderMap(["x-envoy-upstream-service-time", "7"]));
  info.responseCode = 503;
  info.flags.add("UF").add("URX");
  info.bytesSent = 12;
  info.upstreamFirstByteReceived = 1010;
  info.downstreamLastByteSent = 1025;
  info.ended = 1026.4;
  info.metadata.set("test", { deep: { key: 1 } });
  return info;
}

describe("compileFormat()", () => {
  it.each([
    ["%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%", "GET /a?b=c HTTP/1.1"],
    ["%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_SENT%", "503 UF,URX 12"],
    ["%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% %DURATION% %RESPONSE_TX_DURATION%", "7 26 15"],
    ["%START_TIME%", "2026-01-31T12:00:05.007Z"],
    ["%START_TIME(%Y/%m/%d %H:%M:%S.%3f %s)%", "2026/01/31 12:00:05.007 1769860805"],
    ["%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "[::1]:80 10.0.0.9"],
    ["%REQUESTED_SERVER_NAME% %UPSTREAM_HOST% %ROUTE_NAME%", "reviews.example - -"],
    ["%REQ(USER-AGENT):2%|%REQ(MISSING?USER-AGENT)%|%REQ_WITHOUT_QUERY(:PATH)%", "cu|curl|/a"],
    [
      "%DYNAMIC_METADATA(test:deep)% %DYNAMIC_METADATA(test:deep:key)% %DYNAMIC_METADATA(x)%",
      '{"key":1} 1 -',
    ],
    ["100 %%", "100 %"],
    ["plain", "plain"],
  ])("%s", (format, expected) => {
    expect(compileFormat(format)(request())).toBe(expected);
  });

  it("writes Envoy's default line", () => {
    expect(compileFormat(defaultFormat)(request())).toBe(
      '[2026-01-31T12:00:05.007Z] "GET /a?b=c HTTP/1.1" 503 UF,URX 0 12 26 7 "-" "curl" "-" "reviews:80" "-"\n',
    );
  });

  it.each(["%NO_SUCH%", "50%", "%REQ(X"])("refuses %s", (format) => {
    expect(() => compileFormat(format)).toThrow(FormatError);
  });

  it("throws nothing but its own error", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."%():?ABC_START TIMEREQ1x") }), (format) => {
        try {
          compileFormat(format)(request());
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("compileJsonFormat()", () => {
  it("keeps types, sorts keys and says null for what is not known", () => {
    const format = compileJsonFormat({
      status: "%RESPONSE_CODE%",
      path: "p=%REQ(:PATH)%",
      host: "%UPSTREAM_HOST%",
    });
    expect(format(request())).toBe('{"host":null,"path":"p=/a?b=c","status":503}\n');
  });

  it("leaves empty values out where asked", () => {
    expect(compileJsonFormat({ a: "%UPSTREAM_HOST%", b: { c: "%PROTOCOL%" } }, true)(request())).toBe(
      '{"b":{"c":"HTTP/1.1"}}\n',
    );
  });
});

describe("openLogFile()", () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-log-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("writes after the interval, and the rest at the close", async () => {
    const clock = createFakeClock();
    const path = join(folder, "a.log");
    const file = openLogFile({ path, clock, flushIntervalMs: 100, stats: createStatsStore() });
    file.write("one\n");
    clock.advance(100);
    file.write("two\n");
    await file.close();
    await file.close();
    expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
  });

  it("drops and counts what a stuck file cannot take", async () => {
    const stats = createStatsStore();
    const file = openLogFile({ path: folder, clock: createFakeClock(), flushIntervalMs: 100, stats });
    const line = "x".repeat(1024 * 1024);
    for (let i = 0; i < 10; i++) file.write(line);
    await file.close();
    expect(stats.counters.get("filesystem.write_dropped")?.value).toBeGreaterThan(0);
    expect(stats.counters.get("filesystem.write_failed")?.value).toBeGreaterThan(0);
  });
});
