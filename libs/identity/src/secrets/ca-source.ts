import { type Clock, callAt, createBackoff } from "@weft/base";
import type { Logger } from "@weft/observability";
import { createCsr, generateKeyPair, type KeyKind } from "@weft/pki";
import type { SignCsr } from "./ca-client.ts";
import { joinSecrets, type WorkloadSecrets } from "./workload-secrets.ts";

/** Settings of {@link startCaSource}. */
export interface CaSourceOptions {
  readonly sign: SignCsr;
  /** The SPIFFE ID asked for; the CA decides. */
  readonly identity: string;
  readonly keyKind: KeyKind;
  /** Lifetime asked for, milliseconds. */
  readonly ttlMs: number;
  /** Share of the lifetime that is left when the certificate is renewed, 0 to 1; Istio's SECRET_GRACE_PERIOD_RATIO. */
  readonly graceRatio: number;
  /** By how much that share varies either way, so that workloads started together do not renew together. */
  readonly graceJitter: number;
  readonly onSecrets: (secrets: WorkloadSecrets) => void;
  /** Told of each request to the CA, once it is answered. */
  readonly onRequest: (ok: boolean) => void;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Where secrets come from. */
export interface SecretSource {
  /** Has them looked at anew soon, as something that they depend on changed. */
  refresh(): void;
  close(): void;
}

/** First and longest wait between two attempts. */
const backoffMs = { initialMs: 500, maxMs: 60_000 } as const;
/** A change of the roots reaches all agents at once: their requests are spread over so long. */
const refreshSpreadMs = 1_000;

/**
 * Keeps a certificate of the CA: a new key for each, made in memory; renewed while `graceRatio` of its lifetime is left, tried again with growing
 * pauses. While the CA is away the certificate at hand stays in use, and each failed attempt says when it ends.
 */
export function startCaSource(options: CaSourceOptions): SecretSource {
  const { sign, identity, keyKind, ttlMs, onSecrets, onRequest, logger, clock, random } = options;
  const backoff = createBackoff({ ...backoffMs, random });
  let current: { readonly secrets: WorkloadSecrets; readonly since: number } | undefined;
  let cancel = () => {};
  let closed = false;
  let busy = false;
  let again = false;

  const after = (ms: number) => {
    cancel();
    cancel = callAt(clock, clock.now() + ms, () => void renew());
  };
  const obtain = async (): Promise<WorkloadSecrets> => {
    const keys = await generateKeyPair(keyKind);
    const csr = createCsr(keys, { names: { uris: [identity] } });
    try {
      const { chain, roots } = await sign(csr, ttlMs);
      const secrets = joinSecrets({ keys, chain, roots, now: clock.now() });
      onRequest(true);
      return secrets;
    } catch (error) {
      onRequest(false);
      throw error;
    }
  };
  const renew = async () => {
    busy = true;
    again = false;
    try {
      const secrets = await obtain();
      if (closed) return;
      const now = clock.now();
      current = { secrets, since: now };
      backoff.reset();
      const waitMs = renewalDelay(secrets.notAfter - now, options);
      logger.info(
        {
          identity: secrets.name,
          serialNumber: secrets.serialNumber,
          expires: new Date(secrets.notAfter).toISOString(),
          renewal: new Date(now + waitMs).toISOString(),
        },
        "workload certificate issued",
      );
      onSecrets(secrets);
      after(again ? refreshSpreadMs * random() : waitMs);
    } catch (error) {
      if (closed) return;
      after(failed(error));
    } finally {
      busy = false;
    }
  };
  /** Says what a failed attempt means; how long to wait for the next. */
  const failed = (error: unknown): number => {
    const reason = error instanceof Error ? error.message : String(error);
    const next = backoff.next();
    if (current === undefined) {
      logger.warn({ reason, identity }, "no workload certificate yet, trying again");
      return next;
    }
    const { secrets, since } = current;
    const left = secrets.notAfter - clock.now();
    const details = {
      reason,
      expires: new Date(secrets.notAfter).toISOString(),
      secondsLeft: Math.floor(left / 1000),
    };
    if (left <= 0) {
      logger.error(details, "the workload certificate has expired and cannot be renewed: peers refuse it");
      return next;
    }
    const level = left < (secrets.notAfter - since) / 4 ? "error" : "warn";
    logger[level](details, "the workload certificate cannot be renewed, it stays in use until it expires");
    // Short-lived certificates leave no time for long pauses.
    return Math.min(next, Math.max(backoffMs.initialMs / 2, left / 4));
  };
  void renew();
  return {
    refresh: () => {
      // An attempt under way may have seen what was there before.
      if (busy) again = true;
      else if (!closed) after(refreshSpreadMs * random());
    },
    close: () => {
      closed = true;
      cancel();
    },
  };
}

/** Milliseconds until a certificate with this lifetime is renewed; never negative, and never after its end. */
export function renewalDelay(
  lifetimeMs: number,
  options: Pick<CaSourceOptions, "graceRatio" | "graceJitter" | "random">,
): number {
  const { graceRatio, graceJitter, random } = options;
  const ratio = Math.min(1, Math.max(0, graceRatio + graceJitter * (2 * random() - 1)));
  return Math.max(0, lifetimeMs * (1 - ratio));
}
