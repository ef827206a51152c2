import type { DescriptorEntry, RateLimitDescriptor } from "../runtime/rate-limit.ts";
import { TokenBucket, type TokenBucketConfig } from "./token-bucket.ts";

/** Limits of one configuration. */
export interface LimiterConfig {
  /** For all requests; absent: only those that a descriptor names are limited. */
  readonly bucket?: TokenBucketConfig;
  readonly descriptors: readonly {
    readonly entries: readonly DescriptorEntry[];
    readonly bucket: TokenBucketConfig;
  }[];
  /** Takes from the bucket for all requests also where a descriptor has its own. */
  readonly alwaysConsumeDefault: boolean;
}

/** The answer of a {@link Limiter}: `bucket` is the one that decided, for headers. */
export interface LimitVerdict {
  readonly allowed: boolean;
  readonly bucket: TokenBucket | undefined;
}

/** Buckets of a configuration at work. */
export interface Limiter {
  take(now: number, descriptors: readonly RateLimitDescriptor[]): LimitVerdict;
}

const keyOf = (entries: readonly DescriptorEntry[]) =>
  JSON.stringify(entries.map(({ key, value }) => [key, value]));

/**
 * Descriptors are met by requests that have exactly their entries, in their order. Of several that are met the one
 * that fills slowest decides first; the bucket for all comes last.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/local_rate_limit_filter
 */
export function createLimiter({ bucket, descriptors, alwaysConsumeDefault }: LimiterConfig): Limiter {
  const all = bucket && new TokenBucket(bucket);
  const byEntries = new Map(
    descriptors.map((descriptor) => [keyOf(descriptor.entries), new TokenBucket(descriptor.bucket)]),
  );
  return {
    take(now, wanted) {
      const met = wanted
        .flatMap((entries) => byEntries.get(keyOf(entries)) ?? [])
        .sort((a, b) => a.fillRate - b.fillRate);
      for (const own of met) if (!own.consume(now)) return { allowed: false, bucket: own };
      if (all !== undefined && (met.length === 0 || alwaysConsumeDefault) && !all.consume(now))
        return { allowed: false, bucket: all };
      return { allowed: true, bucket: met[0] ?? all };
    },
  };
}
