import { HeaderMap } from "../../runtime/headers.ts";
import { RequestHead, ResponseHead } from "../../runtime/request.ts";
import { retryOn } from "../fixtures.ts";
import { createRetryState, retryBackoff, wantsRetryAfterReset, wantsRetryAfterResponse } from "./retry.ts";

const request = (...headers: readonly string[]) =>
  new RequestHead("GET", "/", "h", "HTTP/1.1", new HeaderMap([...headers]));

describe("wantsRetryAfterResponse()", () => {
  it.each([
    ["5xx", 500, [], true],
    ["5xx", 499, [], false],
    ["gateway-error", 502, [], true],
    ["gateway-error", 500, [], false],
    ["retriable-4xx", 409, [], true],
    ["retriable-status-codes", 418, [], true],
    ["retriable-status-codes", 503, [], false],
    ["connect-failure,reset,refused-stream", 503, [], false],
    ["unavailable", 200, ["grpc-status", "14"], true],
    ["cancelled", 200, ["grpc-status", "14"], false],
    ["5xx", 503, ["x-envoy-ratelimited", "true"], false],
    ["envoy-ratelimited", 429, ["x-envoy-ratelimited", "true"], true],
  ])("of %s after %d %j says %s", (words, status, headers, wants) => {
    const policy = retryOn(words, { retriableStatusCodes: new Set([418]) });
    expect(wantsRetryAfterResponse(policy, new ResponseHead(status, new HeaderMap([...headers])))).toBe(
      wants,
    );
  });
});

describe("wantsRetryAfterReset()", () => {
  it.each([
    ["5xx", "reset", false, true],
    ["gateway-error", "timeout", false, true],
    ["reset", "reset", false, true],
    ["connect-failure", "connect-failure", true, true],
    ["connect-failure", "reset", false, false],
    ["connect-failure", "reset", true, true],
    ["reset-before-request", "connect-failure", true, true],
    ["reset-before-request", "reset", false, false],
    ["refused-stream,unavailable", "reset", false, false],
    ["5xx,reset", "overflow", true, false],
  ] as const)("of %s after %s (before the request: %s) says %s", (words, kind, beforeRequest, wants) => {
    expect(wantsRetryAfterReset(retryOn(words), { kind, beforeRequest })).toBe(wants);
  });
});

describe("createRetryState()", () => {
  it("is undefined where nothing is retried", () => {
    expect(createRetryState(request(), undefined)).toBeUndefined();
    expect(createRetryState(request(), retryOn("5xx", { attempts: 0 }))).toBeUndefined();
  });

  it("takes headers along, and out of the request", () => {
    const head = request(
      ...["x-envoy-retry-on", "gateway-error", "x-envoy-max-retries", "7"],
      ...["x-envoy-retriable-status-codes", "418, 429", "x-other", "stays"],
    );
    const state = createRetryState(head, retryOn("reset"));
    expect(state?.remaining).toBe(7);
    expect([...(state?.policy.retryOn ?? [])]).toEqual(["reset", "gateway-error"]);
    expect([...(state?.policy.retriableStatusCodes ?? [])]).toEqual([418, 429]);
    expect(head.headers.list).toEqual(["x-other", "stays"]);
  });

  it("retries once where only headers ask for it", () => {
    expect(createRetryState(request("x-envoy-retry-grpc-on", "unavailable"), undefined)?.remaining).toBe(1);
  });
});

describe("retryBackoff()", () => {
  it("is a share of what doubles up to the maximum", () => {
    const policy = retryOn("5xx", { backoffBaseMs: 25, backoffMaxMs: 250 });
    expect([1, 2, 3, 4, 5, 6].map((retry) => retryBackoff(policy, retry, 0.999))).toEqual([
      24, 74, 174, 249, 249, 249,
    ]);
    expect(retryBackoff(policy, 3, 0)).toBe(0);
  });
});
