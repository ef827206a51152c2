import { toJsonString } from "@bufbuild/protobuf";
import { type NameTable, NameTableSchema } from "@weft/mesh-rpc/istio/networking/nds/v1/nds_pb.js";
import { type EndpointReply, type EndpointRoute, metricsContentType } from "@weft/observability";
import type { Prober } from "../probes/ask.ts";
import type { AppProbes } from "../probes/parse.ts";
import type { AgentCounters, AgentMetrics } from "./counters.ts";
import { type MetricsParts, mergeMetrics } from "./merged-metrics.ts";
import type { AdminCall, Readiness } from "./readiness.ts";

/** What the status server shows and does. */
export interface StatusOptions {
  readonly admin: AdminCall;
  readonly readiness: () => Promise<Readiness>;
  readonly counters: AgentCounters;
  /** Created on the first scrape. */
  readonly metrics: () => Promise<AgentMetrics>;
  /** The application beside this proxy. */
  readonly app: MetricsParts["app"];
  /** The application's probes, which come to the agent instead, and how it asks them. */
  readonly probes: { readonly known: AppProbes; readonly prober: Prober };
  /** The names that DNS queries are answered for; undefined where there are none (yet). */
  readonly names: () => NameTable | undefined;
  /** Called by `/quitquitquit`. */
  readonly quit: () => void;
  /** Called by `/drain`. */
  readonly drain: () => Promise<void>;
}

/** Answers only to this machine: pods share an address with their containers, others are turned away. */
function isLocal(remote: string): boolean {
  return /^(::ffff:)?127\./.test(remote) || remote === "::1";
}

/** The routes of the agent's status port (15020), under Istio's paths. */
export function statusRoutes(options: StatusOptions): EndpointRoute[] {
  const { admin, readiness, counters, metrics, app, probes, names, quit, drain } = options;
  const askProbe: EndpointRoute["handle"] = async ({ path, headers }) => {
    const probe = probes.known.get(path);
    if (probe === undefined) return { status: 400, body: `no probe of the application is at ${path}\n` };
    const { status, reason } = await probes.prober.ask(probe, headers);
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
      handle: async ({ headers }) => {
        counters.scrapes++;
        const parts: MetricsParts = {
          agent: async () => (await metrics()).text(),
          proxy: () => admin("/stats/prometheus"),
          app,
          onFailure: (part) => {
            counters.scrapeFailures[part]++;
          },
        };
        return mergeMetrics(parts, headers);
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
      path: "/debug/ndsz",
      help: "the names that DNS queries are answered for, with their addresses",
      handle: localOnly(() => {
        const table = names();
        const body = table === undefined ? "{}" : toJsonString(NameTableSchema, table);
        return { status: table === undefined ? 404 : 200, body, contentType: "application/json" };
      }),
    },
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
