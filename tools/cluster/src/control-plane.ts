import { join } from "node:path";
import { attempt, waitFor } from "./command.ts";
import type { Credentials } from "./credentials.ts";
import { assertRunning, startDaemon } from "./daemon.ts";
import { cluster, type Layout } from "./layout.ts";

const etcdClient = "http://127.0.0.1:12379";
const etcdPeer = "http://127.0.0.1:12380";

/** Starts etcd and the API server, and waits until it is ready; then the controllers and the scheduler. */
export async function startControlPlane(at: Layout, bin: string, credentials: Credentials): Promise<void> {
  startDaemon(at, {
    name: "etcd",
    command: join(bin, "etcd"),
    // biome-ignore format: one flag a line or more
    args: ["--data-dir", at.at("etcd"), "--listen-client-urls", etcdClient, "--advertise-client-urls", etcdClient,
      "--listen-peer-urls", etcdPeer, "--initial-advertise-peer-urls", etcdPeer, "--initial-cluster", `default=${etcdPeer}`,
      "--unsafe-no-fsync", "--log-level", "warn"],
  });
  startApiServer(at, bin, credentials);
  await apiServerReady(at, bin);
  const kubeconfig = ["--kubeconfig", at.kubeconfig];
  startDaemon(at, {
    name: "kube-controller-manager",
    command: join(bin, "kube-controller-manager"),
    // biome-ignore format: one flag beside the other
    args: [...kubeconfig, "--bind-address=127.0.0.1", "--leader-elect=false",
      `--service-account-private-key-file=${credentials.serviceAccountKey}`, `--root-ca-file=${credentials.apiServerCertificate}`],
  });
  startDaemon(at, {
    name: "kube-scheduler",
    command: join(bin, "kube-scheduler"),
    args: [...kubeconfig, "--bind-address=127.0.0.1", "--leader-elect=false"],
  });
}

/** Starts the API server alone, on what etcd holds: for tests that take it away for a while. */
export function startApiServer(at: Layout, bin: string, credentials: Credentials): void {
  const issuer = `https://kubernetes.default.svc.${cluster.domain}`;
  startDaemon(at, {
    name: "kube-apiserver",
    command: join(bin, "kube-apiserver"),
    args: [
      `--etcd-servers=${etcdClient}`,
      `--bind-address=${cluster.hostAddress}`,
      `--advertise-address=${cluster.hostAddress}`,
      `--cert-dir=${at.credentials}`,
      `--token-auth-file=${credentials.tokens}`,
      "--authorization-mode=RBAC",
      // The node's name is in no DNS; logs and exec go to its address.
      "--kubelet-preferred-address-types=InternalIP",
      "--allow-privileged=true",
      `--service-cluster-ip-range=${cluster.serviceRange}`,
      `--service-account-key-file=${credentials.serviceAccountPublicKey}`,
      `--service-account-signing-key-file=${credentials.serviceAccountKey}`,
      `--service-account-issuer=${issuer}`,
      // The second audience is the one that workloads' tokens for citadel carry.
      `--api-audiences=${issuer},istio-ca`,
    ],
  });
}

/** Waits until the API server answers that it is ready. */
export async function apiServerReady(at: Layout, bin: string): Promise<void> {
  await waitFor("the API server", async () => {
    assertRunning(at, "etcd");
    assertRunning(at, "kube-apiserver");
    const answer = await attempt(join(bin, "kubectl"), [
      "--kubeconfig",
      at.kubeconfig,
      "get",
      "--raw",
      "/readyz",
    ]);
    return answer === "ok" ? true : undefined;
  });
}
