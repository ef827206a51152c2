import type { Problem } from "@weft/base";

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

/** What checks may ask of a mesh, and do to it. */
export interface CheckedMesh {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** The folder of configuration that pilot-discovery watches. */
  readonly configFolder: string;
  proxies(): Promise<readonly ProxyProcess[]>;
  /** Whether the proxy of this name answers that it is ready. */
  isReady(proxy: string): Promise<boolean>;
  /** What is wrong with the configuration now. */
  problems(): readonly Problem[];
  /** Rejects where pilot-discovery does not answer. */
  proxyStatus(): Promise<readonly ProxySync[]>;
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
