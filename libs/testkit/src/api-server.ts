import { execFile } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, startChild } from "./child.ts";
import { freePorts } from "./net.ts";

/** A real Kubernetes API server with its etcd, and no node: objects are stored, validated and watched. */
export interface ApiServer {
  /** Of the administrator. */
  readonly kubeconfig: string;
  /** Runs kubectl as the administrator; `input` is its standard input. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Takes the API server away, and its connections with it; etcd keeps what is there. */
  stop(): Promise<void>;
  /** Brings it back at the same address. */
  start(): Promise<void>;
  /** Ends both and removes what they have written. */
  close(): Promise<void>;
}

/**
 * Starts an API server on free ports of loopback.
 * @param bin The peer `kubernetes`: a folder with kube-apiserver, etcd and kubectl
 */
export async function startApiServer(bin: string): Promise<ApiServer> {
  const folder = mkdtempSync(join(tmpdir(), "weft-api-server-"));
  const [port, etcdPort, etcdPeerPort] = (await freePorts(3)) as [number, number, number];
  const kubeconfig = writeCredentials(folder, port);
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const peerUrl = `http://127.0.0.1:${etcdPeerPort}`;
  const etcd = await startChild(join(bin, "etcd"), {
    // biome-ignore format: one flag beside the other
    args: ["--data-dir", join(folder, "etcd"), "--listen-client-urls", etcdUrl, "--advertise-client-urls", etcdUrl,
      "--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl, "--initial-cluster", `default=${peerUrl}`,
      "--unsafe-no-fsync", "--log-level", "warn"],
  });
  let server: Child | undefined;
  const start = async () => {
    server = await startChild(join(bin, "kube-apiserver"), {
      args: [
        `--etcd-servers=${etcdUrl}`,
        `--secure-port=${port}`,
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        `--cert-dir=${join(folder, "pki")}`,
        `--token-auth-file=${join(folder, "tokens.csv")}`,
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.96.0.0/16",
        `--service-account-key-file=${join(folder, "service-account.key")}`,
        `--service-account-signing-key-file=${join(folder, "service-account.key")}`,
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--api-audiences=https://kubernetes.default.svc.cluster.local,istio-ca",
        // Without controllers nothing makes the service accounts that pods would be held to.
        "--disable-admission-plugins=ServiceAccount",
      ],
    });
    await isReady(server, folder, port);
  };
  const stop = async () => {
    await server?.stop();
    server = undefined;
  };
  const close = async () => {
    await stop();
    await etcd.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  const kubectl = (args: readonly string[], input?: string) => runKubectl(bin, kubeconfig, args, input);
  return { kubeconfig, kubectl, stop, start, close };
}

/** The key of service accounts, the administrator's token, and its kubeconfig, whose path is returned. */
function writeCredentials(folder: string, port: number): string {
  const token = randomBytes(16).toString("hex");
  mkdirSync(join(folder, "pki"));
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  writeFileSync(join(folder, "service-account.key"), privateKey, { mode: 0o600 });
  writeFileSync(join(folder, "tokens.csv"), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
  const path = join(folder, "kubeconfig");
  const cluster = {
    server: `https://127.0.0.1:${port}`,
    "certificate-authority": join(folder, "pki", "apiserver.crt"),
  };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster }],
    users: [{ name: "admin", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
    "current-context": "test",
  };
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

const readyTimeoutMs = 60_000;

/** Polls `/readyz`; throws with the server's output where it ends first or takes longer than a minute. */
async function isReady(server: Child, folder: string, port: number): Promise<void> {
  const ended = server.exited.then((code) => `ended (${code})`);
  const deadline = Date.now() + readyTimeoutMs;
  while (Date.now() < deadline) {
    if (await answersOk(folder, port)) return;
    const what = await Promise.race([ended, new Promise<void>((resolve) => setTimeout(resolve, 50))]);
    if (what !== undefined) throw new Error(`kube-apiserver ${what}\n${server.output()}`);
  }
  throw new Error(`kube-apiserver was not ready within ${readyTimeoutMs / 1000} s\n${server.output()}`);
}

function answersOk(folder: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let ca: Buffer;
    try {
      ca = readFileSync(join(folder, "pki", "apiserver.crt"));
    } catch {
      // The server makes its certificate first of all; it has not got there yet.
      resolve(false);
      return;
    }
    get({ host: "127.0.0.1", port, path: "/readyz", ca, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    }).on("error", () => resolve(false));
  });
}

function runKubectl(bin: string, kubeconfig: string, args: readonly string[], input = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      join(bin, "kubectl"),
      ["--kubeconfig", kubeconfig, ...args],
      { maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) =>
        error ? reject(new Error(`kubectl ${args.join(" ")}: ${stderr || error.message}`)) : resolve(stdout),
    );
    child.stdin?.end(input);
  });
}
