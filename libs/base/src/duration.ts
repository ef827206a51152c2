const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Parses a duration as Go, Kubernetes and protobuf JSON write it (`1h2m`, `100ms`, `1.5s`, `-2s`, `0`)
 * into milliseconds; undefined where the text is no duration.
 * https://pkg.go.dev/time#ParseDuration
 */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const whole = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.exec(text);
  if (whole === null) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(amount) * (unitMs[unit ?? ""] ?? 0);
  }
  return whole[1] === "-" ? -total : total;
}

/** Milliseconds as protobuf JSON writes a duration: `5s`, `0.250s`. */
export function formatProtoDuration(ms: number): string {
  const nanos = Math.round(ms * 1e6);
  const sign = nanos < 0 ? "-" : "";
  const whole = Math.trunc(Math.abs(nanos) / 1e9);
  const rest = Math.abs(nanos) % 1e9;
  if (rest === 0) return `${sign}${whole}s`;
  const digits = rest.toString().padStart(9, "0");
  const width = rest % 1e6 === 0 ? 3 : rest % 1e3 === 0 ? 6 : 9;
  return `${sign}${whole}.${digits.slice(0, width)}s`;
}
