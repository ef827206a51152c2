import { parseAppProbes } from "./parse.ts";

const ready = "/app-health/web/readyz";
const parse = (probes: object) => parseAppProbes(JSON.stringify(probes));

describe("parseAppProbes()", () => {
  it("has none where none are told", () => {
    expect([...parseAppProbes(undefined).value, ...parseAppProbes("").problems]).toEqual([]);
  });

  it("reads probes of all kinds, and hooks", () => {
    const httpHeaders = [
      { name: "Host", value: "web" },
      { name: "X-A", value: "1" },
      { name: "x-a", value: "2" },
    ];
    const { value, problems } = parse({
      [ready]: { httpGet: { path: "ok?a=b", port: 8443, scheme: "HTTPS", httpHeaders }, timeoutSeconds: 3 },
      "/app-health/web/livez": { tcpSocket: { port: 1 } },
      "/app-health/web/startupz": { grpc: { port: 2, service: null }, timeoutSeconds: 0 },
      "/app-lifecycle/web/prestopz": { httpGet: { port: 3 } },
    });
    expect(problems).toEqual([]);
    expect(Object.fromEntries(value)).toEqual({
      [ready]: {
        kind: "http",
        path: "/ok?a=b",
        port: 8443,
        tls: true,
        host: "web",
        headers: { "x-a": ["1", "2"] },
        timeoutMs: 3000,
      },
      "/app-health/web/livez": { kind: "tcp", port: 1, timeoutMs: 1000 },
      "/app-health/web/startupz": { kind: "grpc", port: 2, service: "", timeoutMs: 1000 },
      "/app-lifecycle/web/prestopz": {
        kind: "http",
        path: "/",
        port: 3,
        tls: false,
        host: undefined,
        headers: {},
        timeoutMs: 30_000,
      },
    });
  });

  it.each([
    ["{", "", 'is not a JSON object: "{"'],
    ["null", "", 'is not a JSON object: "null"'],
    [{ [ready]: 1 }, `[${ready}]`, "is no object"],
    [{ [ready]: {} }, `[${ready}]`, "must have one of httpGet, tcpSocket and grpc, has none"],
    [
      { [ready]: { grpc: { port: 1 }, tcpSocket: { port: 1 } } },
      `[${ready}]`,
      "must have one of httpGet, tcpSocket and grpc, has tcpSocket, grpc",
    ],
    [
      { [ready]: { httpGet: { port: "http" } } },
      `[${ready}]`,
      'httpGet.port must be a number from 1 to 65535, is "http"',
    ],
    [{ [ready]: { grpc: { port: 0 } } }, `[${ready}]`, "grpc.port must be a number from 1 to 65535, is 0"],
    [
      { [ready]: { grpc: { port: 1 }, timeoutSeconds: "1" } },
      `[${ready}]`,
      'timeoutSeconds must be a number of seconds, is "1"',
    ],
    [
      { [ready]: { httpGet: { port: 1, scheme: "FTP" } } },
      `[${ready}]`,
      'httpGet.scheme must be HTTP or HTTPS, is "FTP"',
    ],
    [
      { [ready]: { httpGet: { port: 1, httpHeaders: [{ name: "a b" }] } } },
      `[${ready}]`,
      'httpGet.httpHeaders has {"name":"a b"}, which is no header',
    ],
    [
      { "/app-health/web/health": { tcpSocket: { port: 1 } } },
      "[/app-health/web/health]",
      "is no path of a probe; allowed are /app-health/CONTAINER/{livez,readyz,startupz} and /app-lifecycle/CONTAINER/{prestopz,poststartz}",
    ],
    [
      { "/app-lifecycle/web/livez": { tcpSocket: { port: 1 } } },
      "[/app-lifecycle/web/livez]",
      "is no path of a probe; allowed are /app-health/CONTAINER/{livez,readyz,startupz} and /app-lifecycle/CONTAINER/{prestopz,poststartz}",
    ],
  ])("says of %j, at %s: %s", (given, at, message) => {
    const text = typeof given === "string" ? given : JSON.stringify(given);
    const { value, problems } = parseAppProbes(text);
    expect(value.size).toBe(0);
    expect(problems).toEqual([
      { severity: "error", code: "bad-environment", path: `ISTIO_KUBE_APP_PROBERS${at}`, message },
    ]);
  });
});
