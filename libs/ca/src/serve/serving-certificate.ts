import type { SecureContextOptions } from "node:tls";
import { type Clock, callAt } from "@weft/base";
import type { Logger } from "@weft/observability";
import { exportPrivateKey, generateKeyPair } from "@weft/pki";
import type { CertificateAuthority } from "../authority.ts";

/** Settings of {@link createServingCertificate}. */
export interface ServingCertificateOptions {
  readonly authority: CertificateAuthority;
  /** DNS names and addresses under which callers reach the CA. */
  readonly dns: readonly string[];
  readonly ips: readonly string[];
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onChange: (context: SecureContextOptions) => void;
}

/** The CA's own certificate, from itself. */
export interface ServingCertificate {
  /** Key, chain and roots for {@link UpdatableTlsCredentials}. */
  context(): SecureContextOptions;
  close(): void;
}

/** How long to wait after a failed renewal. */
const retryMs = 30_000;

/** Makes the certificate that the CA serves with; renews it at half its life, and whenever the signer or the roots change. The key stays in memory. */
export async function createServingCertificate(
  options: ServingCertificateOptions,
): Promise<ServingCertificate> {
  const { authority, dns, ips, ttlMs, clock, logger, onChange } = options;
  let cancel = () => {};
  let closed = false;
  const make = async () => {
    const { privateKey, publicKey } = await generateKeyPair();
    const issued = authority.issue({ publicKey, names: { dns, ips }, ttlMs });
    cancel();
    const now = clock.now();
    if (!closed) cancel = callAt(clock, now + Math.max(1_000, (issued.notAfter - now) / 2), renew);
    return {
      key: exportPrivateKey(privateKey).expose(),
      cert: issued.certificate + issued.intermediates,
      ca: authority.bundle().pem,
    };
  };
  const renew = () => {
    make().then(
      (made) => {
        if (closed) return;
        context = made;
        onChange(context);
      },
      (error: unknown) => {
        logger.error({ err: error }, "the CA's own certificate was not renewed, trying again");
        cancel = clock.after(retryMs, renew);
      },
    );
  };
  let context = await make();
  const off = authority.onChange(renew);
  return {
    context: () => context,
    close: () => {
      closed = true;
      cancel();
      off();
    },
  };
}
