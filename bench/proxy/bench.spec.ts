import { parseH2load, parseWrk } from "./load.ts";
import { formatTable } from "./table.ts";

describe("parseWrk()", () => {
  it("reads figures, in whatever unit, and adds up errors", () => {
    const text = `Running 3s test @ http://127.0.0.1:1/
  1 threads and 32 connections
  Latency Distribution
     50%  689.00us
     75%    0.88ms
     90%    1.10ms
     99%    1.02s
  128532 requests in 3.01s, 25.01MB read
  Socket errors: connect 1, read 2, write 0, timeout 3
  Non-2xx or 3xx responses: 4
Requests/sec:  42697.55
Transfer/sec:      8.31MB
`;
    expect(parseWrk(text)).toEqual({
      requests: 128_532,
      errors: 10,
      perSecond: 42_697.55,
      p50: expect.closeTo(0.689, 9),
      p99: 1020,
    });
  });
});

describe("parseH2load()", () => {
  it("reads figures, and times from the log", () => {
    const text = `finished in 3.00s, 57506.67 req/s, 6.97MB/s
requests: 4 total, 6 started, 4 done, 3 succeeded, 1 failed, 1 errored, 0 timeout
status codes: 3 2xx, 0 3xx, 0 4xx, 1 5xx
`;
    const log = "1700000000000000\t200\t3000\n1\t200\t1000\n1\t500\t9000\n1\t200\t2000\n";
    expect(parseH2load(text, log)).toEqual({ requests: 4, errors: 1, perSecond: 57_506.67, p50: 3, p99: 9 });
  });
});

describe("formatTable()", () => {
  it("prints rows, who is missing, and the ratio to Envoy", () => {
    const row = { perSecond: 100, cpuMicros: 10, p50: 1, p99: 2, memoryMib: 50, errors: 0 };
    const text = formatTable([
      { ...row, name: "weft" },
      { ...row, name: "envoy", cpuMicros: 20 },
      { name: "other", missing: "not installed" },
    ]);
    expect(text.split("\n")).toEqual([
      "proxy  requests/s  CPU µs/request  p50 ms  p99 ms  memory MiB  errors",
      "weft          100            10.0    1.00    2.00          50       0",
      "envoy         100            20.0    1.00    2.00          50       0",
      "other: not installed",
      "",
      "weft to envoy: CPU per request 0.50, p99 1.00, throughput 1.00, memory 1.00",
    ]);
  });
});
