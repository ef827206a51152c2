import { chmodSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attempt, run, waitFor } from "./command.ts";
import { assertRunning, daemons, startDaemon } from "./daemon.ts";
import { cluster, type Layout } from "./layout.ts";

/** Starts containerd, the kubelet and kube-proxy, and waits until the node is ready. */
export async function startNode(at: Layout, bin: string): Promise<void> {
  await startContainerd(at);
  await importPauseImage(at, bin);
  writeFileSync(at.at("kubelet.json"), JSON.stringify(kubeletConfiguration(at)));
  writeFileSync(at.at("resolv.conf"), "");
  startDaemon(at, {
    name: "kubelet",
    command: join(bin, "kubelet"),
    // biome-ignore format: one flag beside the other
    args: ["--kubeconfig", at.kubeconfig, "--config", at.at("kubelet.json"), "--root-dir", at.at("kubelet"),
      "--hostname-override", cluster.nodeName, "--node-ip", cluster.hostAddress, "--cert-dir", at.at("kubelet-pki")],
  });
  startDaemon(at, {
    name: "kube-proxy",
    command: join(bin, "kube-proxy"),
    // biome-ignore format: one flag beside the other
    args: ["--kubeconfig", at.kubeconfig, "--hostname-override", cluster.nodeName, "--proxy-mode=iptables",
      "--cluster-cidr", cluster.podRange, "--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0",
      "--conntrack-tcp-timeout-close-wait=0", "--metrics-bind-address=127.0.0.1:10249"],
  });
  await waitFor("the node", async () => {
    for (const name of ["containerd", "kubelet", "kube-proxy"]) assertRunning(at, name);
    const status = await attempt(join(bin, "kubectl"), [
      "--kubeconfig",
      at.kubeconfig,
      "wait",
      "--for=condition=Ready",
      `node/${cluster.nodeName}`,
      "--timeout=1s",
    ]);
    return status === undefined ? undefined : true;
  });
}

async function startContainerd(at: Layout): Promise<void> {
  mkdirSync(at.at("containerd"), { recursive: true });
  writeFileSync(at.at("containerd.toml"), containerdConfiguration(at));
  startDaemon(at, {
    name: "containerd",
    command: "containerd",
    args: ["--config", at.at("containerd.toml")],
  });
  await waitFor("containerd", async () => {
    assertRunning(at, "containerd");
    return attempt("ctr", ["--address", at.containerdSocket, "version"]);
  });
}

/** An image with one static program: the sandbox of every pod. */
async function importPauseImage(at: Layout, bin: string): Promise<void> {
  const folder = at.at("pause");
  mkdirSync(join(folder, "root"), { recursive: true });
  cpSync(join(bin, "pause"), join(folder, "root", "pause"));
  chmodSync(join(folder, "root", "pause"), 0o755);
  const archive = join(folder, "pause.tar");
  await writeImage(folder, archive);
  await run("ctr", ["--address", at.containerdSocket, "-n", "k8s.io", "images", "import", archive]);
}

/** Writes a one-layer image as `docker save` does: a manifest, a configuration, and the layer. */
async function writeImage(folder: string, archive: string): Promise<void> {
  await run("tar", ["-C", join(folder, "root"), "-cf", join(folder, "layer.tar"), "pause"]);
  const digest = (await run("sha256sum", [join(folder, "layer.tar")])).slice(0, 64);
  const configuration = {
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: { Entrypoint: ["/pause"], User: "65535:65535" },
    rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
  };
  const manifest = [{ Config: "config.json", RepoTags: [cluster.pauseImage], Layers: ["layer.tar"] }];
  writeFileSync(join(folder, "config.json"), JSON.stringify(configuration));
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  await run("tar", ["-C", folder, "-cf", archive, "manifest.json", "config.json", "layer.tar"]);
}

/**
 * containerd with a root, state and socket of its own. Two settings are for machines that are containers themselves:
 * AppArmor may not be there, and the score of the out-of-memory killer may not be lowered.
 */
function containerdConfiguration(at: Layout): string {
  return `version = 2
root = "${at.at("containerd", "root")}"
state = "${at.at("containerd", "state")}"
[grpc]
  address = "${at.containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${cluster.pauseImage}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${at.at("cni")}"
`;
}

/** For the fields: kubernetes.io, kubelet.config.k8s.io/v1beta1. Whoever reaches the bridge may ask this kubelet. */
function kubeletConfiguration(at: Layout): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: cluster.hostAddress,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: "AlwaysAllow" },
    cgroupDriver: "cgroupfs",
    failCgroupV1: false,
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    clusterDNS: [cluster.dnsServiceAddress],
    clusterDomain: cluster.domain,
    resolvConf: at.at("resolv.conf"),
    containerRuntimeEndpoint: `unix://${at.containerdSocket}`,
    imageGCHighThresholdPercent: 100,
    evictionHard: { "memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%" },
    syncFrequency: "10s",
    registerNode: true,
    serverTLSBootstrap: false,
  };
}

/** Ends every container, then containerd's leavings: shims and mounts. */
export async function stopContainers(at: Layout): Promise<void> {
  if (!daemons(at).some(({ name, running }) => name === "containerd" && running)) return;
  const ctr = (...args: string[]) =>
    attempt("ctr", ["--address", at.containerdSocket, "-n", "k8s.io", ...args]);
  const lines = (text: string | undefined) => (text ?? "").split("\n").filter((line) => line !== "");
  const tasks = lines(await ctr("tasks", "list", "-q"));
  await Promise.all(tasks.map((id) => ctr("tasks", "delete", "--force", id)));
  const containers = lines(await ctr("containers", "list", "-q"));
  const namespaces = new Set(
    await Promise.all(containers.map(async (id) => namespaceOf(await ctr("containers", "info", id)))),
  );
  if (containers.length > 0) await ctr("containers", "delete", ...containers);
  for (const name of namespaces) if (name !== undefined) await attempt("ip", ["netns", "delete", name]);
}

/** The name of the network namespace that CNI made for a container's pod, as in `/var/run/netns/cni-1234`. */
function namespaceOf(info: string | undefined): string | undefined {
  return /"path": "\/(?:var\/)?run\/netns\/(cni-[0-9a-f-]+)"/.exec(info ?? "")?.[1];
}

/** Unmounts what the kubelet and containerd have mounted below the cluster's folder, deepest first. */
export async function unmountAll(at: Layout): Promise<void> {
  const mounts = (await run("cat", ["/proc/self/mounts"]))
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${at.root}/`))
    .sort((a, b) => b.length - a.length);
  for (const path of mounts) await attempt("umount", ["-l", path]);
}
