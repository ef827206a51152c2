import { join } from "node:path";
import { baseEnv } from "./app-process.ts";
import { pilotServerName } from "./citadel.ts";
import type { PlacedGateway, PlacedWorkload } from "./mesh-objects.ts";
import type { ProcessSpec } from "./processes.ts";

/** Which proxy runs beside the workloads: one kind beside all, or both by turns, so that each talks to the other. */
export type DataPlane =
  | { readonly kind: "weft" }
  | { readonly kind: "envoy" | "mixed"; readonly bin: string };

/** Ports of every proxy and its agent, each on the pod's own IP. */
export const agentPorts = { admin: 15000, status: 15020, health: 15021 } as const;

/** What every agent of a mesh is started with. */
export interface AgentOptions {
  /** Entry file of pilot-agent. */
  readonly main: string;
  readonly dataPlane: DataPlane;
  /** `host:port` of pilot-discovery's gRPC server, with TLS. */
  readonly discoveryAddress: string;
  readonly citadel: CertificateSource;
  readonly env: NodeJS.ProcessEnv;
}

/** Where agents have certificates from. */
export interface CertificateSource {
  /** `host:port` of citadel. */
  readonly grpc: string;
  /** Name in citadel's own certificate. */
  readonly serverName: string;
  /** File of the roots. */
  readonly rootFile: string;
  /** Life of the certificates asked for, milliseconds. */
  readonly certificateTtlMs: number;
  /** File of a pod's token. */
  tokenFile(pod: { readonly name: string; readonly namespace: string }): string;
}

/** Stats that the live summary needs and that are left out unless asked for. */
const statsMatcher = {
  inclusionRegexps: [
    "cluster\\.outbound\\|.*\\.(upstream_rq_(completed|5xx|time)|upstream_cx_(total|connect_fail)|ssl\\.handshake)",
  ],
};

/** How the agent beside a workload, or the gateway's, is started: as in a pod, but for the addresses it binds. */
export function agentProcess(
  proxy: PlacedWorkload | PlacedGateway,
  folder: string,
  { main, dataPlane, discoveryAddress, citadel, env }: AgentOptions,
): ProcessSpec {
  const sidecar = "containers" in proxy;
  const proxyConfig = {
    discoveryAddress,
    // Also where the port is another one than 15012.
    controlPlaneAuthPolicy: "MUTUAL_TLS",
    configPath: folder,
    concurrency: 1,
    // A local mesh ends at once when it is told to: whoever still waits for an answer is on this machine too.
    terminationDrainDuration: "0s",
    proxyStatsMatcher: statsMatcher,
  };
  return {
    name: `${proxy.name}.proxy`,
    command: [
      "node",
      "--no-warnings",
      // An agent makes little garbage, and has no use for 16 MB of room for it.
      "--max-semi-space-size=1",
      main,
      "proxy",
      sidecar ? "sidecar" : "router",
      "--domain",
      `${proxy.namespace}.svc.cluster.local`,
      // Istio's path for it, below the folder, would be too long for a socket.
      "--sdsSocket",
      join(folder, "SDS"),
      ...proxyFlags(dataPlane, proxy.podIp),
    ],
    cwd: folder,
    env: {
      ...baseEnv(env),
      POD_NAME: proxy.name,
      POD_NAMESPACE: proxy.namespace,
      INSTANCE_IP: proxy.podIp,
      SERVICE_ACCOUNT: proxy.serviceAccount,
      CA_ADDR: citadel.grpc,
      ISTIOD_SAN: citadel.serverName,
      PILOT_SAN: pilotServerName,
      CA_ROOT_CA: citadel.rootFile,
      CA_TOKEN_FILE: citadel.tokenFile(proxy),
      SECRET_TTL: `${citadel.certificateTtlMs}ms`,
      PROXY_CONFIG: JSON.stringify(proxyConfig),
      ISTIO_META_CLUSTER_ID: "Kubernetes",
      ISTIO_META_INTERCEPTION_MODE: "NONE",
      ISTIO_META_WORKLOAD_NAME: sidecar ? proxy.deployment : "istio-ingressgateway",
      ISTIO_METAJSON_LABELS: JSON.stringify({ LABELS: proxy.labels }),
    },
  };
}

function proxyFlags(dataPlane: DataPlane, podIp: string): readonly string[] {
  if (dataPlane.kind === "weft") return [];
  const [last] = podIp.split(".").slice(-1).map(Number);
  if (dataPlane.kind === "mixed" && last !== undefined && last % 2 === 1) return [];
  return ["--proxy", "envoy", "--envoy-binary", dataPlane.bin];
}
