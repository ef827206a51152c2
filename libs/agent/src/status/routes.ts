import {
  type EndpointReply,
  type EndpointRoute,
  type Metrics,
  metricsContentType,
} from "@weft/observability";
import { HttpCallError, httpCall } from "../http-client.ts";
import type { AppMetricsTarget } from "./app-metrics.ts";
import { type AppProbes, askApplication, type ProbeTarget } from "./app-probes.ts";
import type { AgentCounters } from "./counters.ts";
import type { AdminCall, Readiness } from "./readiness.ts";

/** What the status server shows and does. */
export interface StatusOptions {
  readonly admin: AdminCall;
  readonly readiness: () => Promise<Readiness>;
  readonly counters: AgentCounters;
  /** Created on the first scrape. */
  readonly metrics: () => Promise<Metrics>;
  /** The application beside this proxy. */
  readonly app: { readonly host: string; readonly metrics: AppMetricsTarget | undefined };
  /** The application's probes, which come to the agent instead, and how it asks them. */
  readonly probes: { readonly known: AppProbes; readonly target: ProbeTarget };
  /** Called by `/quitquitquit`. */
  readonly quit: () => void;
  /** Called by `/drain`. */
  readonly drain: () => Promise<void>;
}

const scrape = { timeoutMs: 10_000, maxBytes: 64 << 20 } as const;

/** Answers only to this machine: pods share an address with their containers, others are turned away. */
function isLocal(remote: string): boolean {
  return /^(::ffff:)?127\./.test(remote) || remote === "::1";
}

/** The routes of the agent's status port (15020), under Istio's paths. */
export function statusRoutes(options: StatusOptions): EndpointRoute[] {
  const { admin, readiness, counters, metrics, app, probes, quit, drain } = options;
  const askProbe: EndpointRoute["handle"] = async ({ path, headers }) => {
    const probe = probes.known.get(path);
    if (probe === undefined) return { status: 404, body: `no probe of the application is at ${path}\n` };
    const { status, reason } = await askApplication(probe, probes.target, headers);
    return { status, body: reason === undefined ? "" : `${reason}\n` };
  };
  const localOnly = (act: () => EndpointReply | Promise<EndpointReply>): EndpointRoute["handle"] => {
    return ({ remoteAddress }) =>
      isLocal(remoteAddress) ? act() : { status: 403, body: "only from this machine\n" };
  };
  return [
    {
      path: "/healthz/ready",
      help: "200 when the proxy may get traffic, else 503 and why not",
      handle: async () => {
        const state = await readiness();
        return state.ready ? { body: "ready\n" } : { status: 503, body: `${state.reason}\n` };
      },
    },
    {
      path: "/stats/prometheus",
      help: "metrics of the proxy, the agent and the application",
      handle: async () => {
        const texts = await Promise.all([
          read(
            () => admin("/stats/prometheus"),
            () => counters.scrapeFailures.proxy++,
          ),
          app.metrics === undefined
            ? ""
            : read(
                () => httpCall({ host: app.host, ...(app.metrics as AppMetricsTarget), ...scrape }),
                () => counters.scrapeFailures.application++,
              ),
          metrics().then((own) => own.text()),
        ]);
        return { body: texts.filter((text) => text !== "").join("\n"), contentType: metricsContentType };
      },
    },
    {
      path: "/metrics",
      help: "metrics of the agent alone",
      handle: async () => ({ body: await (await metrics()).text(), contentType: metricsContentType }),
    },
    { path: "/app-health/*", help: "probes of the application", handle: askProbe },
    { path: "/app-lifecycle/*", help: "hooks of the application", handle: askProbe },
    {
      path: "/quitquitquit",
      methods: ["POST"],
      help: "ends the proxy and the agent",
      handle: localOnly(() => {
        quit();
        return { body: "OK\n" };
      }),
    },
    {
      path: "/drain",
      methods: ["POST"],
      help: "drains the proxy's inbound listeners; nothing ends",
      handle: localOnly(async () => {
        await drain();
        return { body: "OK\n" };
      }),
    },
  ];
}

/** The text of a scrape; empty, and counted, where it failed: the others are still of use. */
async function read(
  call: () => Promise<{ status: number; body: Buffer }>,
  failed: () => void,
): Promise<string> {
  try {
    const { status, body } = await call();
    if (status === 200) return body.toString();
  } catch (error) {
    if (!(error instanceof HttpCallError)) throw error;
  }
  failed();
  return "";
}
