import type { Problem } from "@weft/base";

/** Where the application serves its own metrics. */
export interface AppMetricsTarget {
  readonly path: string;
  readonly port: number;
}

/** The most places that are asked for one scrape. */
export const maxTargets = 32;

/**
 * Reads `ISTIO_PROMETHEUS_ANNOTATIONS`, which the injector fills from the pod's `prometheus.io/*` annotations:
 * `{"scrape":"true","path":"/metrics","port":"8080"}`, and with `"targets":[{"port":"9100","path":"/m"}]` where there are several
 * (`prometheus.istio.io/scrape-targets`), which then stand for all. None where scraping is off; `statusPort` itself is no target, it
 * would go round. What is wrong is reported and left out.
 */
export function parseAppMetricsTargets(
  text: string | undefined,
  statusPort: number,
): { value: readonly AppMetricsTarget[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const complain = (field: string, message: string) => {
    const path = `ISTIO_PROMETHEUS_ANNOTATIONS${field}`;
    problems.push({ severity: "error", code: "bad-environment", path, message });
  };
  const given = text ? parseObject(text, complain) : undefined;
  if (given === undefined || String(given.scrape) === "false") return { value: [], problems };
  const several = Array.isArray(given.targets) && given.targets.length > 0 ? given.targets : undefined;
  if (given.targets !== undefined && !Array.isArray(given.targets)) complain(".targets", "is no list");
  if (several !== undefined && several.length > maxTargets)
    complain(".targets", `has ${several.length} entries, of which the first ${maxTargets} are asked`);
  const value: AppMetricsTarget[] = [];
  for (const [index, raw] of (several?.slice(0, maxTargets) ?? [given]).entries()) {
    const field = several === undefined ? "" : `.targets[${index}]`;
    const target = readTarget(raw, statusPort);
    if (typeof target === "string") complain(field, target);
    else value.push(target);
  }
  return { value, problems };
}

function readTarget(raw: unknown, statusPort: number): AppMetricsTarget | string {
  const { port: givenPort, path: givenPath } = (raw ?? {}) as { port?: unknown; path?: unknown };
  const port = Number(givenPort || 80);
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    return `port must be 1 to 65535, is ${String(givenPort)}`;
  if (port === statusPort) return `port ${port} is the agent's own, the application's is needed`;
  const path = String(givenPath || "/metrics");
  return { port, path: path.startsWith("/") ? path : `/${path}` };
}

interface RawAnnotations {
  readonly scrape?: unknown;
  readonly targets?: unknown;
}

function parseObject(
  text: string,
  complain: (field: string, message: string) => void,
): RawAnnotations | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value;
  } catch {
    // reported below, together with JSON of another type
  }
  complain("", `is not a JSON object: ${JSON.stringify(text.slice(0, 80))}`);
  return undefined;
}
