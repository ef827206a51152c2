import type { TokenBucket } from "@weft/envoy-api/envoy/type/v3/token_bucket_pb.js";
import type { TokenBucketConfig } from "../rate-limit/token-bucket.ts";
import type { Problems } from "./problems.ts";
import { durationMs } from "./values.ts";

/** Envoy does not take buckets that fill faster. */
const shortestFillMs = 50;

/** Compiles a bucket; one that fills too fast is reported. */
export function compileBucket(
  message: TokenBucket | undefined,
  path: string,
  problems: Problems,
): TokenBucketConfig {
  const fillIntervalMs = durationMs(message?.fillInterval, 0);
  if (fillIntervalMs < shortestFillMs) {
    problems.error(
      `${path}.fill_interval`,
      "out-of-range",
      `is ${fillIntervalMs} ms, at least ${shortestFillMs} ms are needed`,
    );
  }
  return {
    maxTokens: message?.maxTokens ?? 0,
    tokensPerFill: message?.tokensPerFill ?? 1,
    fillIntervalMs,
  };
}
