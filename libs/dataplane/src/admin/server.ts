import { formatProtoDuration } from "@weft/base";
import { toEnvoyJson } from "@weft/envoy-api";
import { NodeSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { version } from "../extensions.ts";
import type { AdminEndpoint, AdminOptions, AdminReply, AdminRequest } from "./endpoint.ts";
import { isGiven } from "./endpoint.ts";

/** `revision/version/status/build/TLS`, the form that istioctl takes apart. */
const versionText = `${"0".repeat(40)}/${version}/Clean/RELEASE/weft`;

/** Envoy's log levels by pino's. */
const levels: Readonly<Record<string, string>> = {
  trace: "trace",
  debug: "debug",
  info: "info",
  warning: "warn",
  warn: "warn",
  error: "error",
  critical: "fatal",
  off: "silent",
};

function serverInfo({ state, commandLine, node }: AdminOptions): AdminReply {
  const uptime = formatProtoDuration(Math.floor(process.uptime()) * 1000);
  return {
    json: {
      version: versionText,
      state: state(),
      hot_restart_version: "disabled",
      command_line_options: commandLine,
      node: toEnvoyJson(NodeSchema, node),
      uptime_current_epoch: uptime,
      uptime_all_epochs: uptime,
    },
  };
}

function setLevel({ query }: AdminRequest, { logger }: AdminOptions): AdminReply {
  const shown = () => Object.keys(levels).find((name) => levels[name] === logger.level) ?? logger.level;
  const asked = query.get("level") ?? query.get("main");
  const other = [...query.keys()].find((name) => name !== "level" && name !== "main");
  if (other !== undefined)
    return { status: 400, text: `error: there is no logger ${other}, there is one: main\n` };
  if (asked !== null) {
    const level = levels[asked];
    if (level === undefined) {
      return {
        status: 400,
        text: `error: invalid logging level ${asked}, allowed are ${Object.keys(levels).join(", ")}\n`,
      };
    }
    logger.level = level;
  }
  return { text: `active loggers:\n  main: ${shown()}\n` };
}

/** https://www.envoyproxy.io/docs/envoy/latest/operations/admin#post--drain_listeners */
function drainListeners({ query }: AdminRequest, { listeners, drainTimeMs }: AdminOptions): AdminReply {
  const graceful = isGiven(query, "graceful");
  const staysOpen = isGiven(query, "skip_exit");
  if (staysOpen && !graceful) return { status: 400, text: "skip_exit requires graceful\n" };
  const inboundOnly = isGiven(query, "inboundonly");
  const graceMs = staysOpen ? Number.POSITIVE_INFINITY : graceful ? drainTimeMs : 0;
  listeners.drain(({ direction }) => !inboundOnly || direction === "inbound", graceMs);
  return { text: "OK\n" };
}

/** The server itself: readiness, health, draining, end. */
export const serverEndpoints: readonly AdminEndpoint[] = [
  {
    path: "/ready",
    help: "print server state, return 200 if LIVE, otherwise return 503",
    handle: (_request, { state }) => ({ status: state() === "LIVE" ? 200 : 503, text: `${state()}\n` }),
  },
  {
    path: "/server_info",
    help: "print server version/status information",
    handle: (_request, options) => serverInfo(options),
  },
  { path: "/logging", help: "query/change logging levels (?level=LEVEL)", mutates: true, handle: setLevel },
  {
    path: "/drain_listeners",
    help: "drain listeners (?graceful&skip_exit&inboundonly)",
    mutates: true,
    handle: drainListeners,
  },
  {
    path: "/healthcheck/fail",
    help: "cause the server to fail health checks",
    mutates: true,
    handle(_request, { failHealthCheck }) {
      failHealthCheck(true);
      return { text: "OK\n" };
    },
  },
  {
    path: "/healthcheck/ok",
    help: "cause the server to pass health checks",
    mutates: true,
    handle(_request, { failHealthCheck }) {
      failHealthCheck(false);
      return { text: "OK\n" };
    },
  },
  {
    path: "/quitquitquit",
    help: "exit the server",
    mutates: true,
    handle(_request, { quit }) {
      // After the answer is written.
      setImmediate(quit);
      return { text: "OK\n" };
    },
  },
  {
    path: "/memory",
    help: "print current allocation/heap usage",
    handle() {
      const { heapUsed, heapTotal, rss } = process.memoryUsage();
      return {
        json: {
          allocated: String(heapUsed),
          heap_size: String(heapTotal),
          total_physical_bytes: String(rss),
        },
      };
    },
  },
  {
    path: "/hot_restart_version",
    help: "print the hot restart compatibility version",
    handle: () => ({ text: "disabled" }),
  },
  { path: "/runtime", help: "print runtime values", handle: () => ({ json: { entries: {}, layers: [] } }) },
  {
    path: "/init_dump",
    help: "dump what is waited for",
    handle: (_request, { clusters, resources }) => ({
      json: {
        unready_targets_dumps: [
          { name: "clusters", target_names: [...clusters.warming.keys()] },
          { name: "listeners", target_names: [...resources.warmingListeners] },
        ].filter(({ target_names }) => target_names.length > 0),
      },
    }),
  },
];
