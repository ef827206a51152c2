import { type Command, Option } from "commander";
import { outputFormats } from "../output/format.ts";
import type { ProxyStatusOptions } from "./proxy-status/run.ts";

/** `weftctl proxy-status`: how far the proxies are with their configuration. */
export function registerProxyStatus(program: Command): void {
  program
    .command("proxy-status")
    .alias("ps")
    .description(
      "how far each proxy is with its configuration; with a name, what differs from what pilot would send",
    )
    .argument("[proxy]", "POD[.NAMESPACE], or the beginning of one pod's name")
    .addOption(new Option("-o, --output <format>", "output format").choices(outputFormats).default("short"))
    .option("--xds-address <host:port>", "pilot-discovery's HTTP address, instead of the local mesh's")
    .option("--proxy-admin <host:port>", "the proxy's admin API, instead of a name in the local mesh")
    .option("--diff", "as naming a proxy does by itself; accepted for older scripts")
    .action(async (proxy: string | undefined, options: Omit<ProxyStatusOptions, "env">) => {
      const { proxyStatus } = await import("./proxy-status/run.ts");
      process.exitCode = await proxyStatus(proxy, { ...options, env: process.env }, process.stdout);
    });
}
