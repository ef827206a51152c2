import type { Clock } from "@weft/base";
import { type Authenticator, authenticate, cameByTls, readCallCredentials } from "@weft/identity";
import type { Logger } from "@weft/observability";
import { formatWorkloadIdentity } from "@weft/pki";
import type { XdsServerOptions } from "@weft/xds";

/** Settings of {@link createXdsAuthentication}. */
export interface XdsAuthenticationOptions {
  readonly authenticators: readonly Authenticator[];
  readonly logger: Logger;
  readonly clock: Clock;
  /** Longest time that finding out who calls may take; 10,000 ms unless told. */
  readonly timeoutMs?: number;
}

/** Callers looked at at once: those with a token may cost a question to Kubernetes each. The rest wait, as many as there may be streams. */
const maxAtOnce = 64;
/** A refusal is logged at most so often. */
const logEveryMs = 1_000;
/** What a caller who is refused gets to hear; why is for the log. */
const refusal =
  "authentication failure: a client certificate of this mesh, or a bearer token for istio-ca, is needed";

/**
 * Finds out who calls by a listener with TLS: the SPIFFE ID that the certificate or the token proves. Callers in plain text are nobody in
 * particular. A stream is judged when it is opened, and goes on when its certificate or token ends, as with Istio.
 */
export function createXdsAuthentication(
  options: XdsAuthenticationOptions,
): NonNullable<XdsServerOptions["authenticate"]> {
  const { authenticators, logger, clock, timeoutMs = 10_000 } = options;
  const gate = createGate(maxAtOnce);
  let loggedAt = Number.NEGATIVE_INFINITY;
  let unlogged = 0;
  const refuse = (peer: string, reasons: readonly string[]): Error => {
    const now = clock.monotonic();
    if (now - loggedAt < logEveryMs) unlogged++;
    else {
      logger.warn({ peer, reasons, ...(unlogged > 0 && { unlogged }) }, "xDS client refused");
      loggedAt = now;
      unlogged = 0;
    }
    return new Error(refusal);
  };
  return async ({ metadata, authContext, peer }) => {
    if (!cameByTls(metadata)) return undefined;
    const late = Promise.withResolvers<{ kind: "refused"; reasons: readonly string[] }>();
    const cancel = clock.after(timeoutMs, () =>
      late.resolve({ kind: "refused", reasons: [`it took longer than ${timeoutMs} ms to find out`] }),
    );
    try {
      const asked = gate(async () =>
        authenticate(authenticators, readCallCredentials(metadata, authContext)),
      );
      const result = await Promise.race([asked, late.promise]).catch((error: unknown) => {
        // A certificate that cannot be read.
        throw refuse(peer, [error instanceof Error ? error.message : String(error)]);
      });
      if (result.kind === "refused") throw refuse(peer, result.reasons);
      return formatWorkloadIdentity(result.caller.identity);
    } finally {
      cancel();
    }
  };
}

/** Runs at most so many at once, the others in their order. */
function createGate(max: number): <T>(run: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (run) => {
    if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await run();
    } finally {
      // Whoever waits takes the place.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
