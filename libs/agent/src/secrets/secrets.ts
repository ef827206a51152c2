import type { Clock } from "@weft/base";
import {
  type CaClientOptions,
  createCaClient,
  type SecretFiles,
  type SecretSource,
  startCaSource,
  startFileSource,
  type WorkloadSecrets,
  watchFiles,
} from "@weft/identity";
import type { Logger } from "@weft/observability";
import { formatWorkloadIdentity, type KeyKind, type WorkloadIdentity } from "@weft/pki";
import { startSdsServer } from "./sds-server.ts";

/** Where a workload's secrets come from. */
export type SecretsConfig =
  | {
      readonly kind: "ca";
      readonly ca: CaClientOptions;
      readonly identity: WorkloadIdentity;
      readonly keyKind: KeyKind;
      /** Lifetime asked for, milliseconds; Istio's SECRET_TTL. */
      readonly ttlMs: number;
      /** Share of the lifetime that is left at the renewal; Istio's SECRET_GRACE_PERIOD_RATIO. */
      readonly graceRatio: number;
      /** By how much the share varies either way; Istio's SECRET_GRACE_PERIOD_RATIO_JITTER. */
      readonly graceJitter: number;
    }
  /** Certificates that are mounted and that somebody else renews; Istio's FILE_MOUNTED_CERTS. */
  | { readonly kind: "files"; readonly files: SecretFiles };

/** Settings of {@link startSecrets}. */
export interface SecretsOptions {
  readonly config: SecretsConfig;
  /** Unix socket of the SDS server. */
  readonly socket: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** The workload's certificate, kept and served. */
export interface Secrets {
  /** For metrics. */
  stats(): SecretsStats;
  close(): Promise<void>;
}

/** What is counted of a workload's certificate. */
export interface SecretsStats {
  /** Requests to the CA that were answered or failed. */
  readonly requests: number;
  /** Those of them that gave no certificate. */
  readonly failures: number;
  /** Seconds until the certificate expires, negative after that; undefined where there is none. */
  readonly secondsLeft: number | undefined;
}

/** Gets the workload's certificate, renews it, and serves it by SDS. Throws where the socket cannot be bound, or the identity is none. */
export async function startSecrets(options: SecretsOptions): Promise<Secrets> {
  const { config, socket, clock } = options;
  const sds = await startSdsServer(socket, clock);
  const counted = { requests: 0, failures: 0 };
  let current: WorkloadSecrets | undefined;
  const onSecrets = (secrets: WorkloadSecrets) => {
    current = secrets;
    sds.update(secrets);
  };
  const onRequest = (ok: boolean) => {
    counted.requests++;
    if (!ok) counted.failures++;
  };
  let started: ReturnType<typeof startSource>;
  try {
    started = startSource({ ...options, onSecrets, onRequest }, config);
  } catch (error) {
    await sds.close();
    throw error;
  }
  const { source, unwatch } = started;
  return {
    stats: () => ({
      ...counted,
      secondsLeft: current === undefined ? undefined : (current.notAfter - clock.now()) / 1000,
    }),
    close: async () => {
      unwatch();
      source.close();
      await sds.close();
    },
  };
}

interface SourceOptions extends SecretsOptions {
  readonly onSecrets: (secrets: WorkloadSecrets) => void;
  readonly onRequest: (ok: boolean) => void;
}

function startSource(
  options: SourceOptions,
  config: SecretsConfig,
): { readonly source: SecretSource; readonly unwatch: () => void } {
  const { clock } = options;
  if (config.kind === "files") {
    return { source: startFileSource({ ...options, files: config.files }), unwatch: () => {} };
  }
  const { ca, identity } = config;
  const source = startCaSource({
    ...options,
    ...config,
    sign: createCaClient(ca),
    identity: formatWorkloadIdentity(identity),
  });
  // Other roots: the CA has others to give out, too. It is asked at once, and not at the next renewal.
  const unwatch = ca.rootFile === undefined ? () => {} : watchFiles([ca.rootFile], clock, source.refresh);
  return { source, unwatch };
}
