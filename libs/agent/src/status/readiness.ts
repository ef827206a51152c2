import { type HttpAnswer, HttpCallError } from "../http-client.ts";

/** Asks the proxy's admin API. */
export type AdminCall = (path: string, method?: "GET" | "POST") => Promise<HttpAnswer>;

/** Whether the proxy may get traffic, and if not, why. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

const counts = encodeURIComponent(
  "^(cluster_manager\\.cds|listener_manager\\.lds)\\.(update_success|update_rejected)$",
);

/**
 * Asks the proxy whether it is ready: clusters and listeners were received by xDS at least once, and the server is LIVE (its workers
 * run). The messages are those of Istio's agent. The state is asked of `/ready`: Envoy sets its gauge `server.state`, which Istio
 * reads, only every five seconds.
 */
export async function checkReadiness(admin: AdminCall): Promise<Readiness> {
  try {
    const stats = await admin(`/stats?usedonly&filter=${counts}`);
    if (stats.status !== 200)
      return { ready: false, reason: `the proxy's admin API answered ${stats.status}` };
    const missing = missingConfig(parseStats(stats.body.toString()));
    if (missing !== undefined) return { ready: false, reason: missing };
    const state = await admin("/ready");
    if (state.status === 200) return { ready: true };
    return { ready: false, reason: `server is not live, current state is: ${state.body.toString().trim()}` };
  } catch (error) {
    if (!(error instanceof HttpCallError)) throw error;
    return { ready: false, reason: `the proxy does not answer: ${error.message}` };
  }
}

/** What the proxy's stats say is missing of its config; undefined where it has clusters and listeners. */
export function missingConfig(stats: ReadonlyMap<string, number>): string | undefined {
  const updates = (prefix: string) => ({
    good: stats.get(`${prefix}.update_success`) ?? 0,
    bad: stats.get(`${prefix}.update_rejected`) ?? 0,
  });
  const cds = updates("cluster_manager.cds");
  const lds = updates("listener_manager.lds");
  if (cds.good > 0 && lds.good > 0) return undefined;
  const what =
    cds.bad + lds.bad > 0
      ? "config received from XDS server, but was rejected"
      : "config not received from XDS server (is pilot-discovery running?)";
  const tell = ({ good, bad }: typeof cds) => `${good} successful, ${bad} rejected`;
  return `${what}: cds updates: ${tell(cds)}; lds updates: ${tell(lds)}`;
}

/** Reads `name: 12` lines; what is no number (histograms) is left out. */
export function parseStats(text: string): ReadonlyMap<string, number> {
  const stats = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = /^(\S+): (\d+)$/.exec(line);
    if (match?.[1] !== undefined) stats.set(match[1], Number(match[2]));
  }
  return stats;
}
