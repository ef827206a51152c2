import { mkdirSync, writeFileSync } from "node:fs";
import { attempt, run } from "./command.ts";
import { cluster, type Layout } from "./layout.ts";

/** Makes the bridge that the control plane is reached at, lets pods' packets pass, and writes the CNI configuration. */
export async function startNetwork(at: Layout): Promise<void> {
  await attempt("ip", ["link", "add", cluster.hostBridge, "type", "bridge"]);
  await attempt("ip", ["addr", "add", `${cluster.hostAddress}/24`, "dev", cluster.hostBridge]);
  await run("ip", ["link", "set", cluster.hostBridge, "up"]);
  await run("sysctl", ["-q", "-w", "net.ipv4.ip_forward=1"]);
  // Services between pods of one bridge need its packets to pass iptables; the module is not on every machine.
  await attempt("modprobe", ["br_netfilter"]);
  await attempt("sysctl", ["-q", "-w", "net.bridge.bridge-nf-call-iptables=1"]);
  // An engine such as Docker may have set the policy of FORWARD to DROP.
  for (const direction of ["-s", "-d"]) {
    const rule = ["FORWARD", direction, cluster.podRange, "-j", "ACCEPT"];
    if ((await attempt("iptables", ["-C", ...rule])) === undefined) await run("iptables", ["-I", ...rule]);
  }
  mkdirSync(at.at("cni"), { recursive: true });
  writeFileSync(at.at("cni", "10-weft.conflist"), `${JSON.stringify(cni(at), undefined, 2)}\n`);
}

function cni(at: Layout): object {
  return {
    cniVersion: "1.0.0",
    name: "weft",
    plugins: [
      {
        type: "bridge",
        bridge: cluster.podBridge,
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: "host-local",
          dataDir: at.at("cni-state"),
          ranges: [[{ subnet: cluster.podRange }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
}

/** Removes the bridges and the rules. */
export async function stopNetwork(): Promise<void> {
  for (const direction of ["-s", "-d"]) {
    await attempt("iptables", ["-D", "FORWARD", direction, cluster.podRange, "-j", "ACCEPT"]);
  }
  await removeKubernetesRules();
  await attempt("ip", ["link", "del", cluster.podBridge]);
  await attempt("ip", ["link", "del", cluster.hostBridge]);
}

/** What `kube-proxy --cleanup` leaves: the chains that the kubelet and kube-proxy watch their tables by. */
async function removeKubernetesRules(): Promise<void> {
  for (const tables of ["iptables", "ip6tables"]) {
    const saved = await attempt(`${tables}-save`, []);
    if (saved === undefined || !saved.includes("KUBE-")) continue;
    const others = saved.split("\n").filter((line) => !line.includes("KUBE-"));
    await run(`${tables}-restore`, [], { input: others.join("\n") });
  }
}
