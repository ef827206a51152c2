import type { DestinationRule } from "@weft/istio-api";
import {
  buildHashPolicies,
  buildLimits,
  buildLoadBalancing,
  buildOutlierDetection,
  effectivePolicy,
} from "./policy.ts";

const unlimited = 4_294_967_295;

describe("effectivePolicy()", () => {
  const rule: DestinationRule = {
    host: "web",
    trafficPolicy: {
      loadBalancer: { simple: "RANDOM" },
      connectionPool: { tcp: { maxConnections: 1 } },
      portLevelSettings: [{ port: { number: 81 }, loadBalancer: { simple: "ROUND_ROBIN" } }],
    },
    subsets: [
      { name: "plain" },
      { name: "own", trafficPolicy: { connectionPool: { tcp: { maxConnections: 2 } } } },
      {
        name: "own-port",
        trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, tls: { mode: "DISABLE" } }] },
      },
    ],
  };
  const random = { simple: "RANDOM" };
  it.each([
    ["the whole", 80, "", { loadBalancer: random, connectionPool: { tcp: { maxConnections: 1 } } }],
    // https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy: port settings inherit nothing
    ["a port", 81, "", { port: { number: 81 }, loadBalancer: { simple: "ROUND_ROBIN" } }],
    ["a subset", 80, "plain", { loadBalancer: random, connectionPool: { tcp: { maxConnections: 1 } } }],
    [
      "a subset with a part of its own",
      80,
      "own",
      { loadBalancer: random, connectionPool: { tcp: { maxConnections: 2 } } },
    ],
    ["a port of a subset", 80, "own-port", { port: { number: 80 }, tls: { mode: "DISABLE" } }],
    [
      "a subset that is not there",
      80,
      "gone",
      { loadBalancer: random, connectionPool: { tcp: { maxConnections: 1 } } },
    ],
  ])("of %s", (_, port, subset, policy) => {
    expect(effectivePolicy(rule, port, subset)).toEqual(policy);
  });

  it("is empty without a rule", () => {
    expect(effectivePolicy(undefined, 80, "v1")).toEqual({});
  });
});

describe("buildLimits()", () => {
  it("takes what is set, and no limit for what is not, is 0 or below", () => {
    expect(
      buildLimits({ tcp: { maxConnections: 3 }, http: { http2MaxRequests: 0, maxRetries: -1 } }),
    ).toEqual({
      maxConnections: 3,
      maxPendingRequests: unlimited,
      maxRequests: unlimited,
      maxRetries: unlimited,
    });
  });
});

describe("buildLoadBalancing()", () => {
  it.each([
    [undefined, { kind: "least-request" }],
    [{ simple: "LEAST_CONN" as const }, { kind: "least-request" }],
    [{ simple: "ROUND_ROBIN" as const }, { kind: "round-robin" }],
    [{ simple: "RANDOM" as const }, { kind: "random" }],
    [{ simple: "PASSTHROUGH" as const }, { kind: "provided" }],
    [{ consistentHash: { useSourceIp: true } }, { kind: "ring-hash", minimumRingSize: 1024 }],
    [{ consistentHash: { minimumRingSize: 5 } }, { kind: "ring-hash", minimumRingSize: 5 }],
    [{ consistentHash: { ringHash: { minimumRingSize: 7 } } }, { kind: "ring-hash", minimumRingSize: 7 }],
    [{ consistentHash: { maglev: {} } }, { kind: "maglev" }],
    [{ consistentHash: { maglev: { tableSize: 11 } } }, { kind: "maglev", tableSize: 11 }],
  ])("of %j", (settings, expected) => {
    expect(buildLoadBalancing(settings)).toEqual(expected);
  });
});

describe("buildHashPolicies()", () => {
  it.each([
    [undefined, []],
    [{ simple: "RANDOM" as const }, []],
    [{ consistentHash: { httpHeaderName: "x" } }, [{ kind: "header", name: "x" }]],
    [{ consistentHash: { httpQueryParameterName: "q" } }, [{ kind: "query", name: "q" }]],
    [{ consistentHash: { useSourceIp: true } }, [{ kind: "source-ip" }]],
    [
      { consistentHash: { httpCookie: { name: "c", ttl: "0s" } } },
      [{ kind: "cookie", name: "c", path: "", ttlMs: 0, attributes: [] }],
    ],
  ])("of %j", (settings, expected) => {
    expect(buildHashPolicies(settings)).toEqual(expected);
  });
});

describe("buildOutlierDetection()", () => {
  it.each([
    [undefined, undefined],
    [{}, { minHealthPercent: 0 }],
    [
      { consecutive5xxErrors: 0, minHealthPercent: 40 },
      { consecutive5xx: 0, minHealthPercent: 40 },
    ],
    // the deprecated word counts errors of gateways alone, where the newer ones are not used
    [{ consecutiveErrors: 3 }, { consecutive5xx: 0, consecutiveGatewayErrors: 3, minHealthPercent: 0 }],
    [
      { consecutiveErrors: 3, consecutive5xxErrors: 7 },
      { consecutive5xx: 7, minHealthPercent: 0 },
    ],
    // failures of one's own count apart only where that is asked for
    [{ consecutiveLocalOriginFailures: 2 }, { minHealthPercent: 0 }],
    [
      { splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2 },
      { splitLocalOriginErrors: true, consecutiveLocalOriginFailures: 2, minHealthPercent: 0 },
    ],
    [
      { interval: "1m", baseEjectionTime: "500ms", maxEjectionPercent: 10 },
      { intervalMs: 60_000, baseEjectionMs: 500, maxEjectionPercent: 10, minHealthPercent: 0 },
    ],
  ])("of %j", (settings, expected) => {
    expect(buildOutlierDetection(settings)).toEqual(expected);
  });
});
