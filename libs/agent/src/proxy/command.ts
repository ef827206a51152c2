/** A program and how it is started. */
export interface ProxyCommand {
  /** For messages: `envoy`, `weft`. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What both proxies are told. */
export interface ProxyCommandOptions {
  /** The bootstrap's file. */
  readonly bootstrapFile: string;
  /** `warning`, in Envoy's spelling. */
  readonly logLevel: string;
  /** `misc:error`: levels of single components; empty for none. */
  readonly componentLogLevel: string;
  readonly concurrency: number;
  readonly drainDurationMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Arguments that Envoy and Weft's proxy share; https://www.envoyproxy.io/docs/envoy/latest/operations/cli */
function sharedArgs(options: ProxyCommandOptions): string[] {
  const { bootstrapFile, logLevel, concurrency, drainDurationMs } = options;
  return [
    "-c",
    bootstrapFile,
    "--drain-time-s",
    String(Math.ceil(drainDurationMs / 1000)),
    "--log-level",
    logLevel,
    // Envoy reads 0 as one worker, Istio as one for each core: no flag means that to Envoy.
    ...(concurrency > 0 ? ["--concurrency", String(concurrency)] : []),
  ];
}

/** How real Envoy is started, with the flags of Istio's agent. */
export function envoyCommand(file: string, options: ProxyCommandOptions): ProxyCommand {
  const { componentLogLevel, env } = options;
  return {
    name: "envoy",
    file,
    args: [
      ...sharedArgs(options),
      "--drain-strategy",
      "immediate",
      "--local-address-ip-version",
      "v4",
      "--file-flush-interval-msec",
      "1000",
      "--disable-hot-restart",
      "--allow-unknown-static-fields",
      "--skip-deprecated-logs",
      ...(componentLogLevel === "" ? [] : ["--component-log-level", componentLogLevel]),
    ],
    env,
  };
}

/** A young generation of 8 MiB, not V8's 16: 15 MB less resident for the same CPU time per request (4 MiB cost 8 % of it). */
const nodeArgs = ["--max-semi-space-size=8"];

/** How Weft's proxy is started: `main` is its entry file, run by this process's own Node. */
export function weftCommand(main: string, options: ProxyCommandOptions): ProxyCommand {
  const args = [...nodeArgs, main, ...sharedArgs(options)];
  return { name: "weft", file: process.execPath, args, env: options.env };
}
