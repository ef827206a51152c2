import { readFile } from "node:fs/promises";
import type { Clock } from "@weft/base";
import type { Logger } from "@weft/observability";
import { readPrivateKey, Secret } from "@weft/pki";
import type { SecretSource } from "./ca-source.ts";
import { watchFiles } from "./watch-files.ts";
import { joinSecrets, type WorkloadSecrets } from "./workload-secrets.ts";

/** Files that somebody else renews, PEM. */
export interface SecretFiles {
  readonly certificateChain: string;
  readonly privateKey: string;
  readonly roots: string;
}

/** Settings of {@link startFileSource}. */
export interface FileSourceOptions {
  readonly files: SecretFiles;
  readonly onSecrets: (secrets: WorkloadSecrets) => void;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Reads the secrets from files, and again when one changes. What does not fit together is told, and the last good stays. */
export function startFileSource(options: FileSourceOptions): SecretSource {
  const { files, onSecrets, logger, clock } = options;
  let closed = false;
  const read = async () => {
    try {
      const [chain, key, roots] = await Promise.all([
        readFile(files.certificateChain, "utf8"),
        readFile(files.privateKey, "utf8"),
        readFile(files.roots, "utf8"),
      ]);
      const keys = readPrivateKey(new Secret(key));
      const secrets = joinSecrets({ keys, chain, roots, now: clock.now() });
      if (closed) return;
      const { name, serialNumber, notAfter } = secrets;
      logger.info(
        { name, serialNumber, expires: new Date(notAfter).toISOString() },
        "mounted certificate read",
      );
      onSecrets(secrets);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!closed) logger.error({ reason, files }, "mounted certificates cannot be used");
    }
  };
  const unwatch = watchFiles(Object.values(files), clock, () => void read());
  void read();
  return {
    refresh: () => void read(),
    close: () => {
      closed = true;
      unwatch();
    },
  };
}
