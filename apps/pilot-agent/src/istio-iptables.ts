import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import {
  applyIptables,
  buildRules,
  cleanUpIptables,
  formatRestore,
  type IptablesFlags,
  type RunCommand,
  readIptablesFlags,
} from "@weft/injection";
import type { Command } from "commander";

/** Flags of `pilot-agent istio-iptables`. */
interface Flags extends IptablesFlags {
  readonly dryRun?: boolean;
  readonly cleanupOnly?: boolean;
  readonly [other: string]: unknown;
}

/** Adds the subcommand, with the flags of Istio's `istio-iptables`. */
export function addIstioIptables(program: Command): void {
  const command = program
    .command("istio-iptables")
    .description("redirects the pod's traffic to its proxy; needs NET_ADMIN and NET_RAW")
    .option("-p, --envoy-port <port>", "port that outbound connections go to")
    .option("-z, --inbound-capture-port <port>", "port that inbound connections go to")
    .option("-e, --inbound-tunnel-port <port>", "port of HBONE, which is left alone")
    .option("-u, --proxy-uid <ids>", "users whose traffic is left alone: the proxy's")
    .option("-g, --proxy-gid <ids>", "groups whose traffic is left alone: the proxy's")
    .option("-m, --istio-inbound-interception-mode <mode>", "REDIRECT, TPROXY or NONE")
    .option("-t, --istio-inbound-tproxy-mark <mark>", "mark of packets in mode TPROXY")
    .option("-r, --istio-inbound-tproxy-route-table <table>", "route table in mode TPROXY")
    .option("-b, --istio-inbound-ports <ports>", "inbound ports to redirect, or *")
    .option(
      "-d, --istio-local-exclude-ports <ports>",
      "inbound ports to leave alone, where all others are redirected",
    )
    .option("-i, --istio-service-cidr <ranges>", "destinations to redirect, or *")
    .option("-x, --istio-service-exclude-cidr <ranges>", "destinations to leave alone")
    .option("-q, --istio-outbound-ports <ports>", "outbound ports to redirect wherever they go")
    .option("-o, --istio-local-outbound-ports-exclude <ports>", "outbound ports to leave alone")
    .option("--istio-outbound-owner-groups <groups>", "groups whose traffic is redirected, or *")
    .option("--istio-outbound-owner-groups-exclude <groups>", "groups whose traffic is left alone")
    .option("-c, --istio-exclude-interfaces <names>", "interfaces to leave alone")
    .option(
      "-k, --kube-virt-interfaces <names>",
      "interfaces of virtual machines, whose traffic counts as outbound",
    )
    .option("--redirect-dns", "DNS goes to the agent")
    .option(
      "--capture-all-dns",
      "with --redirect-dns: whichever server it goes to, not only those of resolv.conf",
    )
    .option("--drop-invalid", "drop packets that conntrack cannot place")
    .option("--dual-stack", "IPv6 as IPv4, whichever addresses the pod has")
    .option("-n, --dry-run", "print the rules, and change nothing")
    .option("--cleanup-only", "take the rules out")
    .option("--log_output_level <levels>", "accepted, has no effect: what is done is printed");
  for (const [flag, reason] of withoutEffect) command.option(flag, `accepted, has no effect: ${reason}`);
  command.action(runIstioIptables);
}

/** Flags of Istio's that change nothing here. */
const withoutEffect: readonly (readonly [flag: string, reason: string])[] = [
  ["--run-validation", "rules are tried before they are applied"],
  ["--skip-rule-apply", "use --dry-run"],
  ["--probe-timeout <time>", "there is no probe"],
  ["--iptables-probe-port <port>", "there is no probe"],
  ["--force-apply", "applying twice gives the same as once"],
];

async function runIstioIptables(flags: Flags): Promise<void> {
  const config = readIptablesFlags(flags, { dnsServers: await nameServers(), hasIpv6: hasIpv6() });
  const log = (line: string) => void process.stdout.write(`${line}\n`);
  if (flags.dryRun) {
    log(`iptables-restore --noflush\n${formatRestore(buildRules(config, "ipv4"))}`);
    if (config.ipv6) log(`ip6tables-restore --noflush\n${formatRestore(buildRules(config, "ipv6"))}`);
  } else if (flags.cleanupOnly) {
    await cleanUpIptables(config, { run, log });
  } else {
    await applyIptables(config, { run, log });
  }
}

/** Servers that the pod's questions go to. */
async function nameServers(): Promise<readonly string[]> {
  const text = await readFile("/etc/resolv.conf", "utf8").catch(() => "");
  return [...text.matchAll(/^\s*nameserver\s+([0-9A-Fa-f.:]+)/gm)].map((match) => match[1] ?? "");
}

/** Whether an address beside loopback and link-local ones is of IPv6. */
function hasIpv6(): boolean {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.some(
    ({ address, internal }) => !internal && isIPv6(address) && !address.startsWith("fe80"),
  );
}

const run: RunCommand = (command, args, input = "") =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    let printed = "";
    let complaints = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaints = (complaints + text).slice(-4096);
    });
    const failed = (why: string) =>
      reject(new Error(`${command} ${args.join(" ")}: ${why}\n${complaints.trim()}`));
    child.on("error", (error) => failed(error.message));
    child.on("close", (code) => (code === 0 ? resolve(printed) : failed(`exit code ${code}`)));
    // One that ends without reading closes the pipe; its exit code tells what happened.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
