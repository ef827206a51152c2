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
    ["TCP", { http: { h2UpgradePolicy: "UPGRADE" } }, true, undefined],
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
});
