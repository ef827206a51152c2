import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseDuration } from "@weft/base";
import { type Command, InvalidArgumentError, Option } from "commander";

/** The folder that runs where none is named. */
const bookinfo = fileURLToPath(new URL("../../../../examples/bookinfo", import.meta.url));
const agentMain = fileURLToPath(new URL("../../../pilot-agent/src/main.ts", import.meta.url));

const dayMs = 86_400_000;
/** Life of certificates while checks run: each is renewed several times. */
const checkedTtlMs = 20_000;

interface UpFlags {
  readonly file: string;
  readonly config?: string;
  readonly port: number;
  readonly dataPlane: "weft" | "envoy" | "mixed";
  readonly check?: boolean;
  readonly certTtl?: number;
  readonly duration?: number;
  readonly traffic: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** `weftctl up`: a mesh on this machine, with nothing but Node. */
export function registerUp(program: Command): void {
  program
    .command("up")
    .description("run a mesh on this machine: the control plane, and a proxy beside each workload")
    .option(
      "-f, --file <dir>",
      "folder with Kubernetes objects, and local.yaml that says how to run them",
      bookinfo,
    )
    .option("--config <dir>", "folder with Istio configuration, watched (default: its istio/, or all of it)")
    .option("--port <port>", "port of the ingress gateway on 127.0.0.1", parsePort, 8080)
    .addOption(
      new Option("--data-plane <kind>", "which proxy runs; mixed: both by turns")
        .choices(["weft", "envoy", "mixed"])
        .default("weft"),
    )
    .option("--check", "run the checks on a copy of the configuration, print a table, exit 0 or 1")
    .addOption(
      new Option("--cert-ttl <time>", "life of the workloads' certificates (default: 24h; 20s with --check)")
        .argParser(parseTime)
        .conflicts("check"),
    )
    .option("--duration <time>", "end by itself after this time, such as 30s", parseTime)
    .option("--no-traffic", "send no requests")
    .option("-q, --quiet", "print no live summary")
    .option("-v, --verbose", "print the memory of every process at the end")
    .action(async (flags: UpFlags) => {
      const { runUp, stateFolder } = await import("@weft/local-mesh");
      const { createTranslator } = await import("@weft/translation");
      const stop = abortOnSignals();
      process.exitCode = await runUp(
        {
          folder: resolve(flags.file),
          ...(flags.config !== undefined && { config: resolve(flags.config) }),
          port: flags.port,
          dataPlane: await findDataPlane(flags.dataPlane),
          agentMain,
          certificateTtlMs: flags.certTtl ?? (flags.check === true ? checkedTtlMs : dayMs),
          ...createTranslator(),
          stateFolder: stateFolder(process.env),
          env: process.env,
          check: flags.check === true,
          ...(flags.duration !== undefined && { durationMs: flags.duration }),
          traffic: flags.traffic,
          quiet: flags.quiet === true,
          verbose: flags.verbose === true,
          cwd: process.cwd(),
        },
        process.stdout,
        stop,
      );
    });
}

/** Ctrl-C reaches this process twice where npm has started it: from the terminal, and from npm, which hands it on. */
const sameSignalMs = 500;

/** Aborts at the first signal; a later one ends the process at once, and the reaper what it had started. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  let askedAt: number | undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      askedAt ??= performance.now();
      if (performance.now() - askedAt > sameSignalMs) process.exit(1);
      controller.abort();
    });
  }
  return controller.signal;
}

async function findDataPlane(kind: UpFlags["dataPlane"]) {
  if (kind === "weft") return { kind };
  const { findPeer } = await import("../../../../tools/peers/src/locate.ts");
  const bin = findPeer("envoy");
  if (bin === undefined) {
    throw new Error("Envoy is not installed: run `npm run peers -- envoy`, or name its binary in ENVOY_BIN");
  }
  return { kind, bin };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new InvalidArgumentError("it must be a whole number from 1 to 65535");
  }
  return port;
}

function parseTime(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError("it must be a time such as 30s or 5m");
  return ms;
}
