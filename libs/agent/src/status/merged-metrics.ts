import { type EndpointReply, type EndpointRequest, metricsContentType } from "@weft/observability";
import { type HttpAnswer, HttpCallError, httpCall } from "../http-client.ts";
import type { AppMetricsTarget } from "./app-metrics.ts";

/** Where the parts come from. */
export interface MetricsParts {
  readonly agent: () => Promise<string>;
  readonly proxy: () => Promise<HttpAnswer>;
  /** The application beside this proxy, which may serve metrics in several places. */
  readonly app: { readonly host: string; readonly targets: readonly AppMetricsTarget[] };
  /** Called for each part that could not be had. */
  readonly onFailure: (part: "proxy" | "application") => void;
}

const openMetrics = "application/openmetrics-text";
/** What one place of the application may take and send. */
const scrape = { timeoutMs: 10_000, maxBytes: 64 << 20 } as const;
/** What Prometheus tells of itself, and wants. */
const passedHeaders = ["accept", "user-agent", "x-prometheus-scrape-timeout-seconds"] as const;

/**
 * The metrics of the agent, the proxy and the application in one text; a part that cannot be had is left out, the others are still of
 * use. The application may be asked for OpenMetrics (by the scraper's `accept`): if the first place that answers gives that, all is
 * called so, and ends as OpenMetrics must. https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
export async function mergeMetrics(
  parts: MetricsParts,
  headers: EndpointRequest["headers"],
): Promise<EndpointReply> {
  const { agent, proxy, app, onFailure } = parts;
  const passed = Object.fromEntries(
    passedHeaders.flatMap((name) => (typeof headers[name] === "string" ? [[name, headers[name]]] : [])),
  );
  const timeoutMs = timeoutOf(headers);
  const scraped = app.targets.map((target) =>
    tryScrape(
      () => httpCall({ host: app.host, ...target, ...scrape, timeoutMs, headers: passed }),
      () => onFailure("application"),
    ),
  );
  const [own, ofProxy, ...ofApp] = await Promise.all([
    agent(),
    tryScrape(proxy, () => onFailure("proxy")),
    ...scraped,
  ]);
  const texts = [own, ...[ofProxy, ...ofApp].map((answer) => answer?.body.toString() ?? "")];
  const merged = texts.map(withoutEnd).join("");
  const contentType = ofApp.find((answer) => answer !== undefined)?.contentType ?? "";
  if (contentType.split(";")[0]?.trim().toLowerCase() !== openMetrics)
    return { body: merged, contentType: metricsContentType };
  // There are no empty lines in OpenMetrics.
  return { body: `${merged.replace(/\n{2,}/g, "\n")}# EOF\n`, contentType };
}

/** Whole lines, without the mark of OpenMetrics' end. */
function withoutEnd(text: string): string {
  const bare = text.replace(/(^|\n)# EOF\s*$/, "$1");
  return bare === "" || bare.endsWith("\n") ? bare : `${bare}\n`;
}

/** A little less than the scraper waits, so that it gets the other parts where one takes too long. */
function timeoutOf(headers: EndpointRequest["headers"]): number {
  const seconds = Number(headers["x-prometheus-scrape-timeout-seconds"]);
  return seconds > 0 ? Math.max(1, Math.min(scrape.timeoutMs, seconds * 900)) : scrape.timeoutMs;
}

async function tryScrape(
  call: () => Promise<HttpAnswer>,
  failed: () => void,
): Promise<HttpAnswer | undefined> {
  try {
    const answer = await call();
    if (answer.status === 200) return answer;
  } catch (error) {
    if (!(error instanceof HttpCallError)) throw error;
  }
  failed();
  return undefined;
}
