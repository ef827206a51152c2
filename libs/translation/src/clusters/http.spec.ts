import { buildUpstreamHttp } from "./http.ts";

describe("buildUpstreamHttp()", () => {
  it.each([
    ["HTTP", undefined, true, undefined],
    ["TCP", undefined, true, undefined],
    ["HTTP2", undefined, true, { protocol: "http2" }],
    ["GRPC", undefined, false, { protocol: "http2" }],
    ["GRPC-Web", undefined, true, { protocol: "http2" }],
    // sidecars tell the protocol from the traffic, gateways do not
    ["Unsupported", undefined, true, { protocol: "auto" }],
    ["Unsupported", undefined, false, undefined],
    ["HTTP", { http: { h2UpgradePolicy: "UPGRADE" } }, true, { protocol: "http2" }],
    ["HTTP", { http: { h2UpgradePolicy: "DO_NOT_UPGRADE" } }, true, undefined],
    ["TCP", { http: { h2UpgradePolicy: "UPGRADE" } }, true, { protocol: "http2" }],
    ["HTTP", { tcp: { idleTimeout: "7s" } }, true, { protocol: "http1", idleTimeoutMs: 7000 }],
    [
      "HTTP",
      { http: { idleTimeout: "3s" }, tcp: { idleTimeout: "7s" } },
      true,
      { protocol: "http1", idleTimeoutMs: 3000 },
    ],
    ["HTTP2", { http: { useClientProtocol: true } }, true, { protocol: "auto" }],
    [
      "HTTP",
      { http: { maxRequestsPerConnection: 1 } },
      true,
      { protocol: "http1", maxRequestsPerConnection: 1 },
    ],
    ["HTTP", { http: { maxConcurrentStreams: 5 } }, true, undefined],
    ["HTTP2", { http: { maxConcurrentStreams: 5 } }, true, { protocol: "http2", maxConcurrentStreams: 5 }],
    [
      "HTTP",
      { tcp: { maxConnectionDuration: "1s" } },
      true,
      { protocol: "http1", maxConnectionDurationMs: 1000 },
    ],
  ] as const)("of %s with %j (sniffing: %s)", (protocol, pool, sniffs, expected) => {
    expect(buildUpstreamHttp(protocol, pool, { sniffs })).toEqual(expected);
  });

  it.each([
    ["HTTP", undefined, { protocol: "http2" }],
    ["HTTP", "DO_NOT_UPGRADE", undefined],
    ["HTTP", "DEFAULT", { protocol: "http2" }],
    ["TCP", undefined, undefined],
    ["Unsupported", undefined, { protocol: "auto" }],
  ] as const)("upgrades %s with %s where the mesh does as %j", (protocol, h2UpgradePolicy, expected) => {
    const pool = h2UpgradePolicy && { http: { h2UpgradePolicy } };
    expect(buildUpstreamHttp(protocol, pool, { sniffs: true, upgrades: true })).toEqual(expected);
  });

  it("leaves the own application with what its port says", () => {
    const pool = { http: { h2UpgradePolicy: "UPGRADE" } } as const;
    expect(buildUpstreamHttp("HTTP", pool, { sniffs: true, inbound: true })).toBeUndefined();
  });
});
