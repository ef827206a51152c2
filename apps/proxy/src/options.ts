import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

/** What the command line asks for. */
export interface Options {
  readonly configPath: string | undefined;
  readonly configYaml: string | undefined;
  readonly mode: "serve" | "validate";
  readonly serviceNode: string | undefined;
  readonly serviceCluster: string | undefined;
  /** Envoy's levels: trace, debug, info, warning, error, critical, off. */
  readonly logLevel: string;
  readonly drainTimeMs: number;
  readonly fileFlushIntervalMs: number;
  /** As given, by Envoy's names in `command_line_options` of `/server_info`. */
  readonly commandLine: Readonly<Record<string, string | number | boolean>>;
  /** Options that are accepted and change nothing, as given. */
  readonly ignored: readonly string[];
  /** Worker threads asked for; there is one. */
  readonly concurrency: string | undefined;
}

/** Thrown for a command line that cannot be used. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Envoy's options with a value that this proxy acts on. */
const valued = [
  "config-path",
  "config-yaml",
  "mode",
  "service-node",
  "service-cluster",
  "log-level",
  "drain-time-s",
  "file-flush-interval-msec",
] as const;

/** Envoy's options that are accepted and change nothing here: with a value, and without. */
const ignoredValued = [
  "base-id",
  "base-id-path",
  "concurrency",
  "component-log-level",
  "log-format",
  "log-path",
  "service-zone",
  "restart-epoch",
  "parent-shutdown-time-s",
  "drain-strategy",
  "local-address-ip-version",
  "admin-address-path",
  "disable-extensions",
  "hot-restart-version",
  "socket-path",
  "socket-mode",
  "stats-tag",
] as const;
const ignoredFlags = [
  "allow-unknown-fields",
  "allow-unknown-static-fields",
  "reject-unknown-dynamic-fields",
  "ignore-unknown-dynamic-fields",
  "disable-hot-restart",
  "skip-hot-restart-on-no-parent",
  "skip-hot-restart-parent-stats",
  "skip-deprecated-logs",
  "enable-fine-grain-logging",
  "enable-core-dump",
  "log-format-escaped",
  "cpuset-threads",
  "use-dynamic-base-id",
  "bootstrap-version",
] as const;

const levels = ["trace", "debug", "info", "warning", "warn", "error", "critical", "off"];

/** What `--help` prints. */
export const usage = `weft-proxy [-c FILE] [options]    takes Envoy's options; without a bootstrap, the admin API alone on 127.0.0.1:15000

  -c, --config-path FILE          bootstrap, JSON or YAML
      --config-yaml TEXT          bootstrap as text, laid over the file's
      --mode serve|validate       validate: says whether the bootstrap can be used, and ends
      --service-node ID           node id, instead of the bootstrap's
      --service-cluster NAME      node cluster, instead of the bootstrap's
  -l, --log-level LEVEL           ${levels.join("|")} (default: info)
      --drain-time-s SECONDS      how long drained connections may go on (default: 600)
      --file-flush-interval-msec MS   how long a line of an access log may wait (default: 10000)
      --version, -h, --help

Accepted, and without effect: ${[...ignoredValued, ...ignoredFlags].map((name) => `--${name}`).join(" ")}
`;

/** Reads the command line; `help` and `version` where that is all that is asked for. */
export function parseOptions(args: readonly string[]): Options | "help" | "version" {
  const values = parse(args);
  if (values.help === true) return "help";
  if (values.version === true) return "version";
  const text = (name: (typeof valued)[number]) => values[name] as string | undefined; // declared as a string
  const number = (name: (typeof valued)[number], otherwise: number) => {
    const given = text(name);
    if (given === undefined) return otherwise;
    if (!/^\d+$/.test(given)) throw new UsageError(`--${name} ${given}: a whole number is needed`);
    return Number(given);
  };
  const mode = text("mode") ?? "serve";
  if (mode !== "serve" && mode !== "validate") {
    throw new UsageError(`--mode ${mode}: allowed are serve and validate`);
  }
  const logLevel = text("log-level") ?? "info";
  if (!levels.includes(logLevel))
    throw new UsageError(`--log-level ${logLevel}: allowed are ${levels.join(", ")}`);
  if (mode === "validate" && text("config-path") === undefined && text("config-yaml") === undefined) {
    throw new UsageError("a bootstrap is needed: --config-path FILE or --config-yaml TEXT");
  }
  const drainTimeS = number("drain-time-s", 600);
  const fileFlushIntervalMs = number("file-flush-interval-msec", 10_000);
  const given = Object.keys(values);
  return {
    configPath: text("config-path"),
    configYaml: text("config-yaml"),
    mode,
    serviceNode: text("service-node"),
    serviceCluster: text("service-cluster"),
    logLevel,
    drainTimeMs: drainTimeS * 1000,
    fileFlushIntervalMs,
    commandLine: {
      base_id: String(values["base-id"] ?? "0"),
      concurrency: 1,
      config_path: text("config-path") ?? "",
      config_yaml: text("config-yaml") ?? "",
      mode: mode === "serve" ? "Serve" : "Validate",
      log_level: logLevel,
      service_node: text("service-node") ?? "",
      service_cluster: text("service-cluster") ?? "",
      drain_time: `${drainTimeS}s`,
      file_flush_interval: `${fileFlushIntervalMs / 1000}s`,
      disable_hot_restart: true,
    },
    concurrency: values.concurrency === undefined ? undefined : String(values.concurrency),
    ignored: [...ignoredValued, ...ignoredFlags].filter((name) => given.includes(name)),
  };
}

type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

function parse(args: readonly string[]): Values {
  const string = { type: "string" } as const;
  const boolean = { type: "boolean" } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...Object.fromEntries(valued.map((name) => [name, string])),
        // stats-tag may be given several times.
        ...Object.fromEntries(
          ignoredValued.map((name) => [name, { ...string, multiple: name === "stats-tag" }]),
        ),
        ...Object.fromEntries(ignoredFlags.map((name) => [name, boolean])),
        "config-path": { ...string, short: "c" },
        "log-level": { ...string, short: "l" },
        help: { ...boolean, short: "h" },
        version: boolean,
      },
    });
    return values;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** What runs where no bootstrap is given: the admin API on the port that Istio's proxies have it on, and no traffic. */
const bareBootstrap = JSON.stringify({
  node: { id: "weft-proxy", cluster: "weft-proxy" },
  admin: { address: { socket_address: { address: "127.0.0.1", port_value: 15000 } } },
});

/** The texts of the bootstrap: the file's, then the one of the command line; a bare one where there is neither. */
export function readBootstrapTexts({ configPath, configYaml }: Options): readonly string[] {
  if (configPath === undefined && configYaml === undefined) return [bareBootstrap];
  return [
    ...(configPath === undefined ? [] : [readFileSync(configPath, "utf8")]),
    ...(configYaml === undefined ? [] : [configYaml]),
  ];
}
