import { type Command, Option } from "commander";
import { outputFormats } from "../output/format.ts";
import type { ObjectStatusOptions } from "./object-status/run.ts";

/** `weftctl object-status`: which objects are not accepted or have no effect, and why. */
export function registerObjectStatus(program: Command): void {
  program
    .command("object-status")
    .description("which objects of the mesh are not accepted or have no effect, and why")
    .argument("[object]", "KIND, KIND/NAME or KIND/NAMESPACE/NAME: these alone, the sound ones too")
    .addOption(new Option("-o, --output <format>", "output format").choices(outputFormats).default("short"))
    .option("--xds-address <host:port>", "pilot-discovery's HTTP address, instead of the local mesh's")
    .action(async (object: string | undefined, options: Omit<ObjectStatusOptions, "env">) => {
      const { objectStatus } = await import("./object-status/run.ts");
      process.exitCode = await objectStatus(object, { ...options, env: process.env }, process.stdout);
    });
}
