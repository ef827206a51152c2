import { type Command, InvalidArgumentError, Option } from "commander";
import { type OutputFormat, outputFormats } from "../output/format.ts";
import type { ProxyConfigOptions, ProxyConfigPart } from "./proxy-config/run.ts";

/** One command, the flags it takes, and how it is shown unless told. */
interface PartCommand {
  readonly part: ProxyConfigPart;
  /** istioctl takes singular and plural, and a short form. */
  readonly aliases: readonly string[];
  readonly description: string;
  readonly flags: readonly (keyof typeof flags)[];
  readonly output: OutputFormat;
}

const flags = {
  fqdn: () => new Option("--fqdn <text>", "service host name, or a part of it"),
  direction: () => new Option("--direction <direction>", "direction").choices(["inbound", "outbound"]),
  subset: () => new Option("--subset <name>", "subset of the service"),
  port: () => new Option("--port <number>", "port").argParser(parsePort),
  address: () => new Option("--address <ip>", "address"),
  type: () => new Option("--type <type>", "type of the listener").choices(["HTTP", "TCP", "HTTP+TCP"]),
  name: () => new Option("--name <name>", "name of the route configuration"),
  cluster: () => new Option("--cluster <name>", "whole name of the cluster"),
  status: () => new Option("--status <status>", "health").choices(["healthy", "unhealthy", "draining"]),
  verbose: () => new Option("--no-verbose", "one row for each listener, without its filter chains"),
};

const parts: readonly PartCommand[] = [
  {
    part: "clusters",
    aliases: ["cluster", "c"],
    description: "upstream clusters",
    flags: ["fqdn", "direction", "port", "subset"],
    output: "short",
  },
  {
    part: "listeners",
    aliases: ["listener", "l"],
    description: "listeners and where their filter chains send traffic",
    flags: ["address", "port", "type", "verbose"],
    output: "short",
  },
  { part: "routes", aliases: ["route", "r"], description: "HTTP routes", flags: ["name"], output: "short" },
  {
    part: "endpoints",
    aliases: ["endpoint", "ep"],
    description: "hosts of the clusters, and their health",
    flags: ["address", "port", "cluster", "status"],
    output: "short",
  },
  {
    part: "secret",
    aliases: ["secrets", "s"],
    description: "certificates and roots, without keys",
    flags: [],
    output: "short",
  },
  {
    part: "bootstrap",
    aliases: ["b"],
    description: "what the proxy was started with",
    flags: [],
    output: "json",
  },
  {
    part: "all",
    aliases: ["a"],
    description: "clusters, listeners, routes, certificates and endpoints; as JSON the whole config dump",
    flags: ["fqdn", "direction", "port", "subset", "address", "type", "name", "verbose"],
    output: "short",
  },
];

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new InvalidArgumentError("a port is 0 to 65535");
  return port;
}

/** `weftctl proxy-config …`: what a proxy has, from its admin API. */
export function registerProxyConfig(program: Command): void {
  const command = program
    .command("proxy-config")
    .alias("pc")
    .description("configuration that a proxy has, from its admin API");
  for (const { part, aliases, description, flags: taken, output } of parts) {
    const sub = command
      .command(part)
      .aliases([...aliases])
      .description(description)
      .argument("[proxy]", "POD[.NAMESPACE], or the beginning of one pod's name")
      .addOption(new Option("-o, --output <format>", "output format").choices(outputFormats).default(output))
      .option("--proxy-admin <host:port>", "the proxy's admin API, instead of a name in the local mesh")
      .option(
        "-f, --file <path>",
        "a config dump (for endpoints: /clusters?format=json) instead of a proxy; - for stdin",
      );
    for (const flag of taken) sub.addOption(flags[flag]());
    sub.action(async (proxy: string | undefined, options: Omit<ProxyConfigOptions, "env">) => {
      const { proxyConfig } = await import("./proxy-config/run.ts");
      await proxyConfig(part, proxy, { ...options, env: process.env }, process.stdout);
    });
  }
  command
    .command("rootca-compare")
    .description(
      "whether two proxies have a root in common, without which neither takes the other's certificate",
    )
    .argument("<pod>", "POD[.NAMESPACE], or the beginning of one pod's name")
    .argument("<other pod>", "the same")
    .action(async (pod: string, other: string) => {
      const { compareRootCas } = await import("./proxy-config/rootca-compare.ts");
      await compareRootCas([pod, other], process.env, process.stdout);
    });
}
