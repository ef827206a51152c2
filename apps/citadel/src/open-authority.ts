import { readFile } from "node:fs/promises";
import { systemClock } from "@weft/base";
import {
  type CaSource,
  type CaStorage,
  type CertificateAuthority,
  createCertificateAuthority,
  loadCacerts,
  openRootStore,
} from "@weft/ca";
import { Secret } from "@weft/pki";
import type { CacertsFiles, CitadelOptions } from "./options.ts";

/** The authority that the options describe: the operator's material, or roots of its own in the storage. */
export async function openAuthority(
  options: CitadelOptions,
  storage: CaStorage,
): Promise<CertificateAuthority> {
  const { cacerts, trustDomain, rootTtlMs, logger } = options;
  const clock = systemClock;
  const source: CaSource =
    cacerts === undefined
      ? {
          kind: "self-signed",
          store: await openRootStore({ storage, trustDomain, ttlMs: rootTtlMs, clock }),
        }
      : { kind: "plugged-in", material: loadCacerts(await readFiles(cacerts), clock.now()) };
  const authority = createCertificateAuthority({ trustDomain, source, clock });
  const { subject, notAfter } = authority.signer();
  const ends = new Date(notAfter).toISOString();
  logger.info({ kind: source.kind, subject, ends, trustDomain }, "certificate authority opened");
  return authority;
}

async function readFiles(files: CacertsFiles) {
  const [caCert, caKey, rootCert, certChain] = await Promise.all([
    readFile(files.caCert, "utf8"),
    readFile(files.caKey, "utf8"),
    readFile(files.rootCert, "utf8"),
    readFile(files.certChain, "utf8"),
  ]);
  return { caCert, caKey: new Secret(caKey), rootCert, certChain };
}
