import { HeaderMap } from "../../runtime/headers.ts";
import { RequestHead } from "../../runtime/request.ts";
import type { ForwardAction } from "../../runtime/route.ts";
import { forward, retryOn } from "../fixtures.ts";
import { requestTimeouts } from "./timeouts.ts";

const timeouts = (changes: Partial<ForwardAction>, ...headers: readonly string[]) => {
  const action = forward(changes).action as ForwardAction; // what `forward` makes
  return requestTimeouts(new RequestHead("POST", "/", "h", "HTTP/1.1", new HeaderMap([...headers])), action);
};
const grpc = ["content-type", "application/grpc"];

describe("requestTimeouts()", () => {
  it("takes the route's", () => {
    expect(timeouts({ timeoutMs: 300, retry: retryOn("5xx", { perTryTimeoutMs: 100 }) })).toEqual({
      routeMs: 300,
      perTryMs: 100,
    });
  });

  it("needs no timer for a try that may take as long as the whole", () => {
    expect(timeouts({ timeoutMs: 100, retry: retryOn("5xx", { perTryTimeoutMs: 100 }) }).perTryMs).toBe(0);
  });

  it("lets the request's headers say otherwise", () => {
    const headers = ["x-envoy-upstream-rq-timeout-ms", "50", "x-envoy-upstream-rq-per-try-timeout-ms", "20"];
    expect(timeouts({ timeoutMs: 300 }, ...headers)).toEqual({ routeMs: 50, perTryMs: 20 });
    expect(timeouts({ timeoutMs: 300 }, "x-envoy-upstream-rq-timeout-ms", "soon").routeMs).toBe(300);
  });

  it.each([
    ["2S", 0, 2000],
    ["100m", 0, 100],
    ["1H", 5000, 5000],
    ["5n", 0, 1],
    ["5x", 7000, 7000],
  ])("takes a grpc-timeout of %s, at most %d, for %d ms", (text, maxGrpcTimeoutMs, ms) => {
    expect(timeouts({ maxGrpcTimeoutMs }, ...grpc, "grpc-timeout", text).routeMs).toBe(ms);
  });

  it("looks at grpc-timeout only where the route says so, and only for gRPC", () => {
    expect(timeouts({ timeoutMs: 300 }, ...grpc, "grpc-timeout", "1S").routeMs).toBe(300);
    expect(timeouts({ timeoutMs: 300, maxGrpcTimeoutMs: 0 }, "grpc-timeout", "1S").routeMs).toBe(300);
  });
});
