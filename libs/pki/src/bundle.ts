import { contentHash } from "@weft/base";
import { type Certificate, formatCertificate, isCa, parseCertificates } from "./certificate.ts";
import { PkiError } from "./error.ts";
import { validateTrustDomain } from "./spiffe-id.ts";

/** The roots that a trust domain's certificates are verified against. */
export interface TrustBundle {
  readonly trustDomain: string;
  readonly roots: readonly Certificate[];
  /** All roots as PEM, in the order of {@link roots}. */
  readonly pem: string;
  /** Content hash: the same roots give the same version, in whatever order they came. */
  readonly version: string;
}

/** Puts roots together, in the order of their fingerprints, each of them once. Throws `bad-bundle` where there is none, or one is no CA. */
export function createBundle(trustDomain: string, roots: readonly Certificate[]): TrustBundle {
  validateTrustDomain(trustDomain);
  if (roots.length === 0) throw new PkiError("bad-bundle", `bundle of ${trustDomain}: there is no root`);
  const unique = [...new Map(roots.map((root) => [root.fingerprint, root])).values()].sort((a, b) =>
    a.fingerprint < b.fingerprint ? -1 : 1,
  );
  for (const root of unique) {
    if (!isCa(root))
      throw new PkiError("bad-bundle", `bundle of ${trustDomain}: ${root.subject} is not a CA`);
  }
  const pem = unique.map(formatCertificate).join("");
  return { trustDomain, roots: unique, pem, version: contentHash(pem) };
}

/** Reads a bundle from PEM; throws `bad-bundle`, `bad-certificate` or `bad-pem`. */
export function parseBundle(trustDomain: string, pem: string): TrustBundle {
  return createBundle(trustDomain, parseCertificates(pem));
}

/** The bundle of a peer's trust domain; throws `bad-bundle` where there is none: a certificate is only ever verified against its own domain's roots. */
export function bundleFor(bundles: readonly TrustBundle[], trustDomain: string): TrustBundle {
  const bundle = bundles.find((one) => one.trustDomain === trustDomain);
  if (bundle !== undefined) return bundle;
  const known = bundles.map((one) => one.trustDomain).join(", ") || "none";
  throw new PkiError(
    "bad-bundle",
    `no bundle of trust domain ${trustDomain.slice(0, 255)}, known are ${known}`,
  );
}
