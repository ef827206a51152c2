#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { Command, InvalidArgumentError, Option } from "commander";
import { addIstioIptables } from "./istio-iptables.ts";
import type { ProxyFlags } from "./options.ts";

const version = "0.1.0";

// Before anything of size is loaded: the second start takes half the time and less memory, as no types have to be stripped.
enableCompileCache();

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError("it must be a whole number, 0 or more");
  return value;
}

function roleOf(text: string): "sidecar" | "router" {
  if (text === "sidecar" || text === "router") return text;
  throw new InvalidArgumentError("a proxy is sidecar or router");
}

interface RequestFlags {
  readonly host: string;
  readonly port: number;
  readonly debugPort?: number;
}

const program = new Command("pilot-agent")
  .description("beside each proxy: its bootstrap, its start and its end, its xDS, its probes")
  .showHelpAfterError("(add --help for what is allowed)");

program
  .command("proxy", { isDefault: true })
  .description("runs a proxy and looks after it")
  .argument("[role]", "sidecar or router", roleOf, "sidecar")
  .addOption(
    new Option("--proxy <kind>", "which proxy runs")
      .choices(["weft", "envoy"])
      .default("weft")
      .env("WEFT_PROXY"),
  )
  .option("--envoy-binary <file>", "Envoy to run (default: ENVOY_BIN, else envoy on the PATH)")
  .option(
    "--bindAddress <ip>",
    "address for all of the proxy's own ports (default: Istio's; INSTANCE_IP where that is loopback)",
  )
  .option(
    "--sdsSocket <file>",
    "Unix socket of the SDS server (default: ./var/run/secrets/workload-spiffe-uds/socket)",
  )
  .option("--domain <suffix>", "DNS domain of the workload (default: NAMESPACE.svc.cluster.local)")
  .option("--serviceCluster <name>", "service cluster of the node")
  .option("--concurrency <threads>", "worker threads of the proxy, 0 for one per core", wholeNumber)
  .option("--proxyLogLevel <level>", "log level of the proxy", "warning")
  .option("--proxyComponentLogLevel <levels>", "log levels of single components of the proxy", "misc:error")
  .option(
    "--log_output_level <levels>",
    "log level of the agent: info, or default:warn,pilot-agent:debug",
    "info",
  )
  .option(
    "--exit-with-parent",
    "end when the process that started this one is gone (always so with an IPC channel)",
  )
  .option("--dry-run", "write the bootstrap, print its path, and end")
  .option("--templateFile <file>", "accepted, has no effect")
  .option("--meshConfig <file>", "accepted, has no effect")
  .option("--outlierLogPath <file>", "accepted, has no effect")
  .option("--stsPort <port>", "accepted, has no effect", wholeNumber)
  .option("--tokenManagerPlugin <name>", "accepted, has no effect")
  .option("--profiling", "accepted, has no effect")
  .action(async (role: "sidecar" | "router", flags: ProxyFlags) => {
    const { runProxy } = await import("./run-proxy.ts");
    await runProxy(role, flags);
  });

program
  .command("wait")
  .description("waits until the proxy is ready")
  .option("--url <url>", "what is asked", "http://localhost:15021/healthz/ready")
  .option("--timeoutSeconds <seconds>", "longest wait", wholeNumber, 60)
  .option("--requestTimeoutMillis <ms>", "longest wait for one answer", wholeNumber, 500)
  .option("--periodMillis <ms>", "time between two questions", wholeNumber, 500)
  .action(async (flags) => {
    const { waitForProxy } = await import("./wait.ts");
    await waitForProxy(flags);
  });

program
  .command("request")
  .description("asks the proxy's admin API, or the agent, and prints the answer")
  .argument("<method>", "GET or POST")
  .argument("<path>", "as in stats?usedonly, or drain")
  .option("--host <ip>", "address of the admin API", "127.0.0.1")
  .option("--port <port>", "port of the admin API", wholeNumber, 15000)
  .option("--debug-port <port>", "port of the agent's own pages, asked instead", wholeNumber)
  .action(async (method: string, path: string, flags: RequestFlags) => {
    const { host, port: adminPort, debugPort: port = adminPort } = flags;
    const { httpCall } = await import("@weft/agent");
    const target = path.startsWith("/") ? path : `/${path}`;
    const answer = await httpCall({ host, port, method, path: target, timeoutMs: 10_000, maxBytes: 1 << 28 });
    process.stdout.write(answer.body);
    if (answer.status !== 200) process.exitCode = 1;
  });

addIstioIptables(program);

program
  .command("version")
  .description("prints the version")
  .action(() => {
    process.stdout.write(`${version}\n`);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`pilot-agent: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
