import type { Command } from "commander";
import type { RotateRootFlags } from "./ca/run.ts";

const several = (value: string, before: readonly string[]) => [...before, value];

/** `weftctl ca`: the certificate authority. */
export function registerCa(program: Command): void {
  const ca = program.command("ca").description("the certificate authority");
  ca.command("rotate-root")
    .description(
      "changes the root of the mesh while it runs: both roots to everybody, sign by the new one, new certificates for everybody, drop the old root; may be cut off and run again at any point",
    )
    .option("--status", "how far the change is, and each proxy with it; changes nothing")
    .option("--abort", "takes a change that is under way back")
    .option("--wait <time>", "longest time to wait before each step for those who lag", "10m")
    .option("--ignore <name>", "proxy that is not waited for; may be given several times", several, [])
    .option("--ca-address <host:port>", "citadel's administration, instead of the local mesh's")
    .option(
      "--ca-root <file>",
      "roots of the mesh, where citadel is administered with TLS (--admin-accounts)",
    )
    .option("--cert <file>", "certificate of an account that may administer")
    .option("--key <file>", "its key")
    .option(
      "--xds-address <host:port>",
      "pilot-discovery's HTTP address, instead of the local mesh's; give all that there are",
      several,
      [],
    )
    .action(async (flags: Omit<RotateRootFlags, "env">) => {
      const { runRotateRoot } = await import("./ca/run.ts");
      process.exitCode = await runRotateRoot({ ...flags, env: process.env }, process.stdout);
    });
}
