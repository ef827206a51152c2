import type { Problem } from "@weft/base";
import type { CertificateSource } from "../agent-process.ts";
import type { WorkloadCertificate } from "../certificates.ts";
import type { Edge } from "../edges.ts";

/** A proxy of the mesh and the process it runs as. */
export interface ProxyProcess {
  /** `reviews-v1-….default` */
  readonly name: string;
  /** Undefined while it does not run. */
  readonly pid: number | undefined;
}

/** How far a proxy's configuration is, as pilot-discovery says. */
export interface ProxySync {
  readonly name: string;
  readonly status: "SYNCED" | "STALE" | "NOT SENT" | "ERROR";
}

/** A workload, as others see it. */
export interface CheckedWorkload {
  /** As its proxy's: `reviews-v1-….default` */
  readonly name: string;
  readonly pod: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Its pod's IP, and the first port that its proxy takes requests for it at; the gateway's own for that. */
  readonly address: string;
  readonly port: number;
}

/** What checks may ask of a mesh, and do to it. */
export interface CheckedMesh {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** The folder of configuration that pilot-discovery watches. */
  readonly configFolder: string;
  /** The gateway is the last one. */
  readonly workloads: readonly CheckedWorkload[];
  readonly citadel: CertificateSource;
  /** Who sent how much to whom since the start, and how it was secured. */
  edges(): Promise<readonly Edge[]>;
  /** The certificate of each workload, in their order; undefined where it has none now. */
  certificates(): Promise<readonly (WorkloadCertificate | undefined)[]>;
  proxies(): Promise<readonly ProxyProcess[]>;
  /** Whether the proxy of this name answers that it is ready. */
  isReady(proxy: string): Promise<boolean>;
  /** What is wrong with the configuration now. */
  problems(): readonly Problem[];
  /** Rejects where pilot-discovery does not answer. */
  proxyStatus(): Promise<readonly ProxySync[]>;
  /** How much longer than on a quiet machine things take now; 1 or more. */
  slowdown(): Promise<number>;
  stopPilot(): Promise<void>;
  startPilot(): Promise<void>;
}

/** What a check came to. */
export interface CheckResult {
  readonly expected: string;
  readonly seen: string;
  readonly ok: boolean;
}

/** Something that must hold of a running mesh. A rejection counts as not ok. */
export interface Check {
  readonly name: string;
  run(mesh: CheckedMesh): Promise<CheckResult>;
}
