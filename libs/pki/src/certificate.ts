import { type KeyObject, X509Certificate } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import { Certificate as AsnCertificate } from "@peculiar/asn1-x509";
import { guard, PkiError } from "./error.ts";
import { type ExtensionValues, readExtensions } from "./extensions.ts";
import { readPublicKey } from "./keys.ts";
import { formatName } from "./name.ts";
import { formatPem, parseOnePem, parsePem } from "./pem.ts";

/** A certificate that was read. Times are milliseconds since the epoch, both inclusive. */
export interface Certificate extends ExtensionValues {
  readonly der: Buffer;
  /** Lower case hexadecimal, without leading zeros. */
  readonly serialNumber: string;
  /** For people, as `O=Weft, CN=root`; {@link subjectDer} is for comparing. */
  readonly subject: string;
  readonly issuer: string;
  readonly subjectDer: Buffer;
  readonly issuerDer: Buffer;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: KeyObject;
  readonly signatureAlgorithm: string;
  /** SHA-256 of the DER form, lower case hexadecimal. */
  readonly fingerprint: string;
  /** Node's view of it. */
  readonly x509: X509Certificate;
}

/** Largest certificate that is read. */
export const maxCertificateBytes = 32 * 1024;

/** Reads a certificate from DER; throws `bad-certificate` or `bad-key`. Nothing is verified. */
export function parseCertificateDer(der: Uint8Array): Certificate {
  if (der.byteLength > maxCertificateBytes) {
    throw new PkiError(
      "bad-certificate",
      `certificate of ${der.byteLength} bytes, allowed are ${maxCertificateBytes}`,
    );
  }
  const data = Buffer.from(der);
  // Both readers must take it: OpenSSL's, which verifies signatures, and the one whose view of the names is used.
  const x509 = guard("bad-certificate", "the certificate cannot be read", () => new X509Certificate(data));
  const { tbsCertificate: tbs, signatureAlgorithm } = guard(
    "bad-certificate",
    "the certificate cannot be read",
    () => AsnConvert.parse(data, AsnCertificate),
  );
  if (!x509.raw.equals(data)) throw new PkiError("bad-certificate", "bytes after the certificate");
  if (signatureAlgorithm.algorithm !== tbs.signature.algorithm) {
    throw new PkiError("bad-certificate", "the certificate names two signature algorithms");
  }
  return {
    ...readExtensions(tbs.extensions ?? [], "bad-certificate"),
    der: data,
    serialNumber: Buffer.from(tbs.serialNumber).toString("hex").replace(/^0+/, ""),
    subject: formatName(tbs.subject),
    issuer: formatName(tbs.issuer),
    subjectDer: Buffer.from(AsnConvert.serialize(tbs.subject)),
    issuerDer: Buffer.from(AsnConvert.serialize(tbs.issuer)),
    notBefore: tbs.validity.notBefore.getTime().getTime(),
    notAfter: tbs.validity.notAfter.getTime().getTime(),
    publicKey: readPublicKey(new Uint8Array(AsnConvert.serialize(tbs.subjectPublicKeyInfo))),
    signatureAlgorithm: signatureAlgorithm.algorithm,
    fingerprint: x509.fingerprint256.replaceAll(":", "").toLowerCase(),
    x509,
  };
}

/** Reads one certificate from PEM. */
export function parseCertificate(pem: string): Certificate {
  return parseCertificateDer(parseOnePem(pem, ["CERTIFICATE"]).der);
}

/** Reads all certificates of a PEM text, at most 100; a block of another kind is an error. */
export function parseCertificates(pem: string): Certificate[] {
  const blocks = parsePem(pem);
  if (blocks.length > 100)
    throw new PkiError("bad-certificate", `${blocks.length} certificates, allowed are 100`);
  return blocks.map(({ label, der }) => {
    if (label !== "CERTIFICATE") {
      throw new PkiError("bad-certificate", `expected a PEM block CERTIFICATE, found ${label}`);
    }
    return parseCertificateDer(der);
  });
}

/** Writes a certificate as PEM. */
export function formatCertificate(certificate: Pick<Certificate, "der">): string {
  return formatPem("CERTIFICATE", certificate.der);
}

/** Whether the certificate may sign others: RFC 5280, 4.2.1.9. */
export function isCa(certificate: Certificate): boolean {
  return certificate.basicConstraints?.ca === true;
}

/** Whether it names itself as its issuer and is signed by its own key. */
export function isSelfSigned(certificate: Certificate): boolean {
  const { x509, publicKey, subjectDer, issuerDer } = certificate;
  return subjectDer.equals(issuerDer) && x509.verify(publicKey);
}
