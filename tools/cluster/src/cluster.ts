import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { installPeer } from "../../peers/src/install.ts";
import { findPeer } from "../../peers/src/locate.ts";
import { peers } from "../../peers/src/peers.ts";
import { attempt, ClusterError, run } from "./command.ts";
import { startControlPlane } from "./control-plane.ts";
import { writeCredentials } from "./credentials.ts";
import { daemons, stopDaemon } from "./daemon.ts";
import { startDns } from "./dns.ts";
import type { Layout } from "./layout.ts";
import { startNetwork, stopNetwork } from "./network.ts";
import { startNode, stopContainers, unmountAll } from "./node.ts";
import { installPackages } from "./packages.ts";

type Log = (line: string) => void;

/** Brings the cluster up, or leaves the one that runs as it is. Whatever fails, what was begun is taken down again. */
export async function up(at: Layout, log: Log): Promise<void> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    throw new ClusterError(
      "a cluster runs on Linux, as root: it makes bridges, iptables rules and containers",
    );
  }
  const running = daemons(at).filter((daemon) => daemon.running);
  if (running.length > 0) {
    log(`it is up: ${running.map((daemon) => daemon.name).join(", ")}`);
    return;
  }
  await installPackages(log);
  const bin = await place("kubernetes", log);
  const coredns = await place("coredns", log);
  await down(at, () => {});
  try {
    const timed = timer(log);
    await timed("network", startNetwork(at));
    await timed("control plane", startControlPlane(at, bin, writeCredentials(at)));
    await timed("name server", startDns(at, bin, coredns));
    await timed("node", startNode(at, bin));
  } catch (error) {
    await down(at, () => {}, { keepLogs: true });
    throw error;
  }
}

/** Takes the cluster down: containers, programs, mounts, bridges, rules and files. */
export async function down(
  at: Layout,
  log: Log,
  { keepLogs = false }: { readonly keepLogs?: boolean } = {},
): Promise<void> {
  await stopDaemon(at, "kubelet");
  await stopContainers(at);
  for (const name of ["containerd", "coredns", "kube-proxy", "kube-scheduler", "kube-controller-manager"]) {
    await stopDaemon(at, name);
  }
  await stopDaemon(at, "kube-apiserver");
  await stopDaemon(at, "etcd");
  const bin = findPeer("kubernetes");
  if (bin !== undefined && existsSync(at.root)) await attempt(join(bin, "kube-proxy"), ["--cleanup"]);
  await unmountAll(at);
  await stopNetwork();
  if (keepLogs) log(`logs: ${at.logs}`);
  else rmSync(at.root, { recursive: true, force: true });
}

/** What runs, and the nodes and pods as kubectl shows them. */
export async function status(at: Layout, log: Log): Promise<void> {
  const all = daemons(at);
  if (all.length === 0) {
    log("it is down");
    return;
  }
  for (const daemon of all)
    log(`${daemon.name}: ${daemon.running ? `runs (pid ${daemon.pid})` : "has ended"}`);
  const kubectl = join(findPeer("kubernetes") as string, "kubectl");
  log(await run(kubectl, ["--kubeconfig", at.kubeconfig, "get", "nodes,pods", "-A", "-o", "wide"]));
}

async function place(name: string, log: Log): Promise<string> {
  const found = findPeer(name);
  if (found !== undefined) return found;
  const peer = peers.find((candidate) => candidate.name === name) as (typeof peers)[number];
  return installPeer(peer, {
    env: process.env,
    platform: `${process.platform}-${process.arch}`,
    log: (line) => log(`${name}: ${line}`),
  });
}

function timer(log: Log): (what: string, work: Promise<void>) => Promise<void> {
  return async (what, work) => {
    const started = performance.now();
    await work;
    log(`${what}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  };
}
