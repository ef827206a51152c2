import { join } from "node:path";
import { goModOf, goModule, type RunGo, withGo } from "./go.ts";
import type { InstallContext, Peer } from "./peer.ts";

const version = "1.35.4";
const etcdVersion = "3.6.6";

/**
 * Kubernetes and etcd, built from their Go modules: a folder with kube-apiserver, kube-controller-manager,
 * kube-scheduler, kubelet, kube-proxy, kubectl, etcd, and the `pause` program of pod sandboxes. For tests that only
 * need an API server, KUBEBUILDER_ASSETS may name a folder as envtest makes it (kube-apiserver, etcd, kubectl).
 */
export const kubernetes: Peer = {
  name: "kubernetes",
  version,
  purpose: "the API server and the node of the cluster that Weft is tested on",
  env: "KUBEBUILDER_ASSETS",
  place: ".",
  versionCommand: ["kube-apiserver", "--version"],
  platforms: ["linux-x64", "linux-arm64"],
  install,
};

async function install(context: InstallContext): Promise<void> {
  context.log(
    `building Kubernetes ${version} and etcd ${etcdVersion} with go (about five minutes on two cores)`,
  );
  await withGo(
    context,
    {
      why: "Kubernetes is built from its Go modules",
      otherwise: "set KUBEBUILDER_ASSETS to a folder with kube-apiserver, etcd and kubectl",
    },
    async (go, buildFolder) => {
      await buildKubernetes(go, buildFolder, context.folder);
      await buildEtcd(go, buildFolder, context.folder);
    },
  );
}

/** Kubernetes as a library needs each of its staging modules replaced by the published one of the same release. */
async function buildKubernetes(go: RunGo, buildFolder: string, target: string): Promise<void> {
  const upstream = await goModOf(go, `k8s.io/kubernetes@v${version}`);
  const staging = [...upstream.matchAll(/^\s*(\S+) => \.\/staging\//gm)].map((match) => match[1]);
  const published = `v0.${version.slice(version.indexOf(".") + 1)}`;
  const folder = await goModule(
    buildFolder,
    "kubernetes",
    [
      "module weft.local/peers/kubernetes",
      goLine(upstream),
      `require k8s.io/kubernetes v${version}`,
      ...staging.map((module) => `replace ${module} => ${module} ${published}`),
      "",
    ].join("\n"),
  );
  const [major, minor] = version.split(".");
  const name = "k8s.io/component-base/version";
  const flags = `-s -w -X ${name}.gitVersion=v${version} -X ${name}.gitMajor=${major} -X ${name}.gitMinor=${minor}`;
  // The tests of dependencies need modules that are of no use here: -e passes over them.
  await go(["mod", "tidy", "-e"], { folder });
  await go(["build", "-mod=mod", "-ldflags", flags, "-o", `${target}/`, "./..."], { folder });
}

async function buildEtcd(go: RunGo, buildFolder: string, target: string): Promise<void> {
  const module = `go.etcd.io/etcd/server/v3`;
  const upstream = await goModOf(go, `${module}@v${etcdVersion}`);
  const folder = await goModule(
    buildFolder,
    "etcd",
    ["module weft.local/peers/etcd", goLine(upstream), `require ${module} v${etcdVersion}`, ""].join("\n"),
  );
  await go(["mod", "tidy", "-e"], { folder });
  await go(["build", "-mod=mod", "-ldflags", "-s -w", "-o", join(target, "etcd"), "."], { folder });
}

/** The line of a go.mod file that names the language's version. */
function goLine(goMod: string): string {
  return /^go .*$/m.exec(goMod)?.[0] ?? "go 1.25";
}
