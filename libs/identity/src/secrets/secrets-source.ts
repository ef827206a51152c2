import type { Clock } from "@weft/base";
import type { Logger } from "@weft/observability";
import { formatWorkloadIdentity, type KeyKind, type WorkloadIdentity } from "@weft/pki";
import { type CaClientOptions, createCaClient } from "./ca-client.ts";
import { type SecretSource, startCaSource } from "./ca-source.ts";
import { type SecretFiles, startFileSource } from "./file-source.ts";
import { watchFiles } from "./watch-files.ts";
import type { WorkloadSecrets } from "./workload-secrets.ts";

/** Where one's own certificate comes from. */
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

/** Settings of {@link startSecretsSource}. */
export interface SecretsSourceOptions {
  readonly config: SecretsConfig;
  readonly onSecrets: (secrets: WorkloadSecrets) => void;
  /** Told of each request to the CA, once it is answered. */
  readonly onRequest?: (ok: boolean) => void;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Starts the source that the configuration names. Throws where the identity is none. */
export function startSecretsSource(options: SecretsSourceOptions): SecretSource {
  const { config, clock, onRequest = () => {} } = options;
  if (config.kind === "files") return startFileSource({ ...options, files: config.files });
  const { ca, identity } = config;
  const source = startCaSource({
    ...options,
    ...config,
    onRequest,
    sign: createCaClient(ca),
    identity: formatWorkloadIdentity(identity),
  });
  if (ca.rootFile === undefined) return source;
  // Other roots: the CA has others to give out, too. It is asked at once, and not at the next renewal.
  const unwatch = watchFiles([ca.rootFile], clock, source.refresh);
  return {
    refresh: source.refresh,
    close: () => {
      unwatch();
      source.close();
    },
  };
}
