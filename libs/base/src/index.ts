export { assert, assertNever, deepFreeze } from "./assert.ts";
export { type Backoff, type BackoffOptions, createBackoff } from "./backoff.ts";
export { callAt } from "./call-at.ts";
export { type Clock, createFakeClock, type FakeClock, systemClock } from "./clock.ts";
export { formatProtoDuration, parseDuration } from "./duration.ts";
export { grpcStatusNames } from "./grpc-status.ts";
export { contentHash, stableStringify } from "./hash.ts";
export { nodeHttp } from "./node-http.ts";
export { changedKeys, OverlayMap } from "./overlay-map.ts";
export {
  formatObjectRef,
  formatProblem,
  type ObjectRef,
  type Problem,
  type Severity,
  type SourcePosition,
  type WithProblems,
} from "./problem.ts";
