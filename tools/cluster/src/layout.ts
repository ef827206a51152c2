import { homedir } from "node:os";
import { join } from "node:path";

/** Addresses and names of the cluster; all of them exist on this machine alone. */
export const cluster = {
  nodeName: "weft-node",
  /** The bridge of the host that the API server and the kubelet are reached at, from pods too. */
  hostBridge: "weft0",
  hostAddress: "10.99.0.1",
  /** The bridge that pods hang on, made by CNI. */
  podBridge: "weftcni0",
  podRange: "10.244.0.0/24",
  serviceRange: "10.96.0.0/16",
  dnsServiceAddress: "10.96.0.10",
  domain: "cluster.local",
  apiServer: "https://10.99.0.1:6443",
  pauseImage: "weft.local/pause:1",
} as const;

/** Where everything of the cluster is, outside the checkout: one folder, removed by `down`. */
export interface Layout {
  readonly root: string;
  /** For kubectl, as an administrator. */
  readonly kubeconfig: string;
  readonly logs: string;
  readonly pids: string;
  readonly credentials: string;
  readonly containerdSocket: string;
  /** A path below the root. */
  at(...path: string[]): string;
}

/** The layout below `$WEFT_CACHE/cluster`, or `~/.cache/weft/cluster`. */
export function layout(env: Readonly<Record<string, string | undefined>> = process.env): Layout {
  const root = join(env.WEFT_CACHE ?? join(homedir(), ".cache/weft"), "cluster");
  const at = (...path: string[]) => join(root, ...path);
  return {
    root,
    kubeconfig: at("kubeconfig"),
    logs: at("logs"),
    pids: at("pids"),
    credentials: at("credentials"),
    containerdSocket: at("containerd", "containerd.sock"),
    at,
  };
}
