import type { Problem } from "@weft/base";
import type { ProxySync } from "./checks/index.ts";

/** Settings of {@link startLocalPilot}. */
export interface LocalPilotOptions {
  /** Loopback address of the control plane. */
  readonly address: string;
  readonly ports: { readonly grpc: number; readonly http: number; readonly monitoring: number };
  /** Folder with the mesh's own objects. */
  readonly objects: string;
  /** Folder with the user's configuration. */
  readonly config: string;
  readonly logFile: string;
  /** Told of all problems there are, each time that they change. */
  readonly onProblems: (problems: readonly Problem[]) => void;
}

/** pilot-discovery in this process. */
export interface LocalPilot {
  /** `host:port` of its pages. */
  readonly http: string;
  /** `host:port` of its xDS server. */
  readonly grpc: string;
  /** What is wrong with the configuration now. */
  problems(): readonly Problem[];
  /** How far each connected proxy is; rejects where it is stopped. */
  proxyStatus(): Promise<readonly ProxySync[]>;
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Starts pilot-discovery with both folders as its sources. */
export async function startLocalPilot(_options: LocalPilotOptions): Promise<LocalPilot> {
  throw new Error("not wired");
}
