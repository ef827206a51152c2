import type { IptablesConfig } from "./config.ts";
import { formatRestore } from "./restore.ts";
import { buildRules, type Family } from "./rules.ts";

/** Runs a command with a text as its standard input, and gives what it printed. Rejects where it fails, with what it said. */
export type RunCommand = (command: string, args: readonly string[], input?: string) => Promise<string>;

/** How rules come into the kernel. */
export interface ApplyOptions {
  readonly run: RunCommand;
  readonly log: (line: string) => void;
}

const commands: Readonly<Record<Family, string>> = { ipv4: "iptables", ipv6: "ip6tables" };

/**
 * Puts the rules into this network namespace: both families are tried without effect first, then each is applied in one
 * transaction a table, and where one fails all that was done is taken back. Applying twice gives the same as once.
 */
export async function applyIptables(config: IptablesConfig, options: ApplyOptions): Promise<void> {
  const { run, log } = options;
  const families: readonly Family[] = config.ipv6 ? ["ipv4", "ipv6"] : ["ipv4"];
  const inputs: (readonly [command: string, input: string])[] = [];
  for (const family of families) {
    const saved = await run(`${commands[family]}-save`, []);
    const rules = buildRules(config, family);
    inputs.push([`${commands[family]}-restore`, formatRestore(rules, { saved, rules })]);
  }
  for (const [command, input] of inputs) await run(command, ["--test", "--noflush"], input);
  try {
    for (const [command, input] of inputs) {
      log(`${command} --noflush\n${input}`);
      await run(command, ["--noflush"], input);
    }
    if (config.mode === "TPROXY") await routeMarked(config, families, run);
  } catch (error) {
    await cleanUpIptables(config, options);
    throw error;
  }
}

/** Takes the rules out of this network namespace, whichever of them are there. */
export async function cleanUpIptables(config: IptablesConfig, { run, log }: ApplyOptions): Promise<void> {
  for (const family of ["ipv4", "ipv6"] as const) {
    // A kernel without IPv6 has no tables of it to clean.
    const saved = await run(`${commands[family]}-save`, []).catch(() => "");
    const input = formatRestore([], { saved, rules: buildRules(config, family) });
    if (input === "") continue;
    log(`${commands[family]}-restore --noflush\n${input}`);
    await run(`${commands[family]}-restore`, ["--noflush"], input);
  }
  if (config.mode === "TPROXY") await unrouteMarked(config, run);
}

/** Marked packets are delivered here, whatever address they go to. */
async function routeMarked(
  { tproxyMark, tproxyRouteTable }: IptablesConfig,
  families: readonly Family[],
  run: RunCommand,
): Promise<void> {
  for (const family of families) {
    const ip = family === "ipv4" ? "-4" : "-6";
    await run("ip", [ip, "rule", "add", "fwmark", String(tproxyMark), "lookup", String(tproxyRouteTable)]);
    await run("ip", [
      ip,
      "route",
      "replace",
      "local",
      "default",
      "dev",
      "lo",
      "table",
      String(tproxyRouteTable),
    ]);
  }
}

async function unrouteMarked(
  { tproxyMark, tproxyRouteTable }: IptablesConfig,
  run: RunCommand,
): Promise<void> {
  for (const ip of ["-4", "-6"]) {
    const mark = ["fwmark", String(tproxyMark), "lookup", String(tproxyRouteTable)];
    await run("ip", [ip, "rule", "del", ...mark]).catch(() => "");
    await run("ip", [ip, "route", "flush", "table", String(tproxyRouteTable)]).catch(() => "");
  }
}
