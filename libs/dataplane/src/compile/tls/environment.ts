import { readFileSync } from "node:fs";
import type { Clock } from "@weft/base";
import type { DnsCaches } from "../../dns-cache/index.ts";
import type { StatsScope } from "../../runtime/stats.ts";
import {
  type ContextCache,
  createContextCache,
  createSecretStore,
  type SecretStore,
} from "../../tls/index.ts";

/** What TLS contexts are compiled against. */
export interface TlsEnvironment {
  readonly secrets: SecretStore;
  readonly contexts: ContextCache;
  /** Text of a file. Throws where it cannot be read. */
  readonly readFile: (path: string) => string;
  /** Address of a static cluster, for SDS: `unix:PATH` or `HOST:PORT`; undefined where there is none. */
  readonly grpcAddress: (cluster: string) => string | undefined;
}

/** The parts of the environment that clusters and their transport sockets need. */
export interface TransportEnvironment {
  readonly tls: TlsEnvironment;
  readonly dnsCaches: DnsCaches;
  readonly clock: Clock;
  /** The process's scope. */
  readonly stats: StatsScope;
}

/** Creates an environment without secrets so far. `grpcAddress`: where nothing is checked, any address will do. */
export function createTlsEnvironment(
  clock: Clock,
  grpcAddress: TlsEnvironment["grpcAddress"] = (cluster) => `unix:${cluster}`,
): TlsEnvironment {
  return {
    secrets: createSecretStore(() => clock.now()),
    contexts: createContextCache(),
    readFile: (path) => readFileSync(path, "utf8"),
    grpcAddress,
  };
}
