import { type Command, Option } from "commander";

/** `weftctl xds …`: what the control plane would send, without one. */
export function registerXds(program: Command): void {
  const xds = program.command("xds").description("xDS configuration, made without a server");
  xds
    .command("generate")
    .description("print what a proxy gets from the given configuration")
    .requiredOption(
      "--config <path>",
      "a YAML file or a folder of them; may be given several times",
      (path: string, before: readonly string[] = []) => [...before, path],
    )
    .requiredOption("--node <id>", "node id, as in sidecar~10.0.0.1~pod.ns~ns.svc.cluster.local")
    .option("--meta <json>", "node metadata, a JSON object", "{}")
    .addOption(new Option("-o, --output <format>", "output format").choices(["json", "yaml"]).default("json"))
    .action(async (options: { config: string[]; node: string; meta: string; output: "json" | "yaml" }) => {
      const { xdsGenerate } = await import("./xds-generate.ts");
      process.exitCode = await xdsGenerate(options, process.stdout, process.stderr);
    });
}
