import type { Problem } from "@weft/base";

/** Where the application serves its own metrics. */
export interface AppMetricsTarget {
  readonly path: string;
  readonly port: number;
}

/**
 * Reads `ISTIO_PROMETHEUS_ANNOTATIONS`, which the injector fills from the pod's `prometheus.io/*` annotations:
 * `{"scrape":"true","path":"/metrics","port":"8080"}`. No target where scraping is off; `statusPort` itself is no target, it would go round.
 */
export function parseAppMetricsTarget(
  text: string | undefined,
  statusPort: number,
): { value: AppMetricsTarget | undefined; problems: Problem[] } {
  if (text === undefined || text === "") return { value: undefined, problems: [] };
  const bad = (message: string) => ({
    value: undefined,
    problems: [
      { severity: "error" as const, code: "bad-environment", path: "ISTIO_PROMETHEUS_ANNOTATIONS", message },
    ],
  });
  let given: { scrape?: unknown; path?: unknown; port?: unknown };
  try {
    given = JSON.parse(text) ?? {};
  } catch {
    return bad(`is not JSON: ${JSON.stringify(text.slice(0, 80))}`);
  }
  if (String(given.scrape) !== "true") return { value: undefined, problems: [] };
  const port = Number(given.port ?? 80);
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    return bad(`port must be 1 to 65535, is ${String(given.port)}`);
  if (port === statusPort) return bad(`port ${port} is the agent's own, the application's is needed`);
  const path = String(given.path ?? "/metrics");
  return { value: { port, path: path.startsWith("/") ? path : `/${path}` }, problems: [] };
}
