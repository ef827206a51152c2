import { type Clock, callAt } from "@weft/base";
import { type SecretsConfig, startSecretsSource } from "@weft/identity";
import type { Logger } from "@weft/observability";
import {
  buildCertificate,
  exportPrivateKey,
  formatCertificate,
  generateKeyPair,
  parseCertificateDer,
  parseCertificates,
  randomSerial,
} from "@weft/pki";

/** What the webhook serves with, and the roots by which the API server knows it; PEM. */
export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
  readonly roots: string;
}

/** Where the webhook's certificate comes from, and for which names. */
export interface CertificateOptions {
  /** Names of the webhook's Service. */
  readonly dnsNames: readonly string[];
  /** citadel; without it the certificate is self-signed. */
  readonly ca: SecretsConfig | undefined;
  /** How long citadel is waited for before a self-signed certificate takes its place; milliseconds. */
  readonly caWaitMs?: number;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Who keeps the certificate. */
export interface CertificateKeeper {
  readonly current: ServingCertificate;
  /** Told of each further one. */
  onChange(tell: (certificate: ServingCertificate) => void): void;
  close(): void;
}

/** Life of a self-signed certificate; a new one takes its place at half of it. */
const selfSignedTtlMs = 90 * 86_400_000;
const backdateMs = 120_000;
const defaultCaWaitMs = 10_000;

/**
 * Gets the webhook's certificate: of citadel, whose client renews it; self-signed where there is none, or where it does not
 * answer in time or does not sign the webhook's names. When citadel answers later, its certificate takes over.
 */
export async function keepCertificate(options: CertificateOptions): Promise<CertificateKeeper> {
  const { ca, clock, logger, dnsNames } = options;
  let tell: (certificate: ServingCertificate) => void = () => {};
  let current: ServingCertificate | undefined;
  let bySelf = false;
  let cancel = () => {};
  const set = (certificate: ServingCertificate) => {
    current = certificate;
    tell(certificate);
  };
  const selfSign = async (): Promise<ServingCertificate> => {
    const made = await makeSelfSigned(dnsNames, clock.now());
    cancel = callAt(clock, clock.now() + selfSignedTtlMs / 2, () => {
      if (bySelf) void selfSign().then(set);
    });
    bySelf = true;
    return made;
  };
  const first = Promise.withResolvers<ServingCertificate | undefined>();
  const source =
    ca &&
    startSecretsSource({
      config: ca,
      logger,
      clock,
      random: Math.random,
      onSecrets: ({ certificateChain, privateKey, roots }) => {
        const missing = missingNames(certificateChain, dnsNames);
        if (missing.length > 0) {
          logger.warn(
            { missing },
            "citadel's certificate lacks names of the webhook, it cannot be served with",
          );
          first.resolve(undefined);
          return;
        }
        bySelf = false;
        cancel();
        const certificate = { cert: certificateChain, key: privateKey.expose(), roots };
        first.resolve(certificate);
        set(certificate);
      },
    });
  if (source) {
    const cancelWait = clock.after(options.caWaitMs ?? defaultCaWaitMs, () => first.resolve(undefined));
    current = await first.promise;
    cancelWait();
  }
  if (current === undefined) {
    logger.info("serving with a self-signed certificate");
    current = await selfSign();
  }
  return {
    get current() {
      return current as ServingCertificate; // set above, and never taken back
    },
    onChange: (listener) => {
      tell = listener;
    },
    close: () => {
      cancel();
      source?.close();
    },
  };
}

function missingNames(chain: string, names: readonly string[]): readonly string[] {
  const { dns = [] } = parseCertificates(chain)[0]?.subjectAltNames ?? {};
  return names.filter((name) => !dns.includes(name));
}

/** A certificate that is its own root. */
async function makeSelfSigned(dnsNames: readonly string[], now: number): Promise<ServingCertificate> {
  const { privateKey, publicKey } = await generateKeyPair();
  const der = buildCertificate(
    {
      serialNumber: randomSerial(),
      subject: { commonName: "sidecar-injector" },
      names: { dns: dnsNames },
      notBefore: now - backdateMs,
      notAfter: now + selfSignedTtlMs,
      publicKey,
      use: { kind: "leaf" },
    },
    { kind: "self", key: privateKey },
  );
  const cert = formatCertificate(parseCertificateDer(der));
  return { cert, key: exportPrivateKey(privateKey).expose(), roots: cert };
}
