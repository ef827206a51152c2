/**
 * Values in log-linear buckets: 90 to a decade, so a quantile is within 5 % of the true one and memory is bounded
 * (at most 90 buckets for each of 12 decades), however many values come in. Envoy keeps its histograms the same way.
 * https://github.com/openhistogram/libcircllhist
 */
export interface Histogram {
  readonly name: string;
  /** Adds a value; Envoy's units by name (`*_time`, `*_ms`: milliseconds). Negative values count as 0. */
  record(value: number): void;
  readonly count: number;
  readonly sum: number;
  /** The value below which the share `q` (0 to 1) of all values lies; NaN where nothing was recorded. */
  quantile(q: number): number;
  /** How many values are at most `bound`, to the precision of the buckets. */
  countUpTo(bound: number): number;
}

const minExponent = -3;
const maxExponent = 8;

/** Index of the bucket of a value above 0: the decade times 90, plus the two leading digits less 10. */
function bucketOf(value: number): number {
  const exponent = Math.min(maxExponent, Math.max(minExponent, Math.floor(Math.log10(value))));
  const digits = Math.min(99, Math.max(10, Math.floor((value / 10 ** exponent) * 10 + 1e-9)));
  return (exponent - minExponent) * 90 + (digits - 10) + 1;
}

function lowerBound(bucket: number): number {
  if (bucket === 0) return 0;
  const exponent = Math.floor((bucket - 1) / 90) + minExponent;
  return ((((bucket - 1) % 90) + 10) / 10) * 10 ** exponent;
}

function width(bucket: number): number {
  return bucket === 0 ? 0 : 10 ** (Math.floor((bucket - 1) / 90) + minExponent) / 10;
}

/** Creates a {@link Histogram}. */
export function createHistogram(name: string): Histogram {
  // Sparse: most histograms of a proxy see a few dozen distinct buckets or none.
  const buckets = new Map<number, number>();
  let count = 0;
  let sum = 0;
  let max = 0;
  const ordered = () => [...buckets].sort(([a], [b]) => a - b);
  return {
    name,
    get count() {
      return count;
    },
    get sum() {
      return sum;
    },
    record(value) {
      const bucket = value > 0 ? bucketOf(value) : 0;
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
      count++;
      sum += Math.max(0, value);
      max = Math.max(max, value);
    },
    quantile(q) {
      if (count === 0) return Number.NaN;
      const rank = q * count;
      let seen = 0;
      for (const [bucket, inBucket] of ordered()) {
        if (seen + inBucket >= rank) {
          return Math.min(max, lowerBound(bucket) + width(bucket) * Math.max(0, (rank - seen) / inBucket));
        }
        seen += inBucket;
      }
      return Number.NaN;
    },
    countUpTo(bound) {
      let seen = 0;
      for (const [bucket, inBucket] of buckets) if (lowerBound(bucket) <= bound) seen += inBucket;
      return seen;
    },
  };
}
