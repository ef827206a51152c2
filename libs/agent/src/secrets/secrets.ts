import type { Clock } from "@weft/base";
import {
  type SecretSource,
  type SecretsConfig,
  startSecretsSource,
  type WorkloadSecrets,
} from "@weft/identity";
import type { Logger } from "@weft/observability";
import { startSdsServer } from "./sds-server.ts";

/** Settings of {@link startSecrets}. */
export interface SecretsOptions {
  readonly config: SecretsConfig;
  /** Unix socket of the SDS server. */
  readonly socket: string;
  /** Told when the proxy has taken other secrets. */
  readonly onHeld?: () => void;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** The workload's certificate, kept and served. */
export interface Secrets {
  /** What there is now; undefined before the first certificate. */
  current(): WorkloadSecrets | undefined;
  /** What the proxy has taken last, or would be given: the same where there is none. */
  held(): WorkloadSecrets | undefined;
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
  const { socket, clock } = options;
  let held: WorkloadSecrets | undefined;
  const sds = await startSdsServer(socket, clock, (secrets) => {
    held = secrets;
    options.onHeld?.();
  });
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
  let source: SecretSource;
  try {
    source = startSecretsSource({ ...options, onSecrets, onRequest });
  } catch (error) {
    await sds.close();
    throw error;
  }
  return {
    current: () => current,
    held: () => held,
    stats: () => ({
      ...counted,
      secondsLeft: current === undefined ? undefined : (current.notAfter - clock.now()) / 1000,
    }),
    close: async () => {
      source.close();
      await sds.close();
    },
  };
}
