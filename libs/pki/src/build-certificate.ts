import { type KeyObject, randomBytes } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  Certificate as AsnCertificate,
  Extensions,
  Name,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from "@peculiar/asn1-x509";
import { type Certificate, isCa } from "./certificate.ts";
import { PkiError } from "./error.ts";
import {
  type CertificateUse,
  KeyUsageFlags,
  keyIdExtensions,
  keyIdentifier,
  type NamesToWrite,
  namesExtension,
  useExtensions,
} from "./extensions.ts";
import { exportPublicKey } from "./keys.ts";
import { buildName, type SubjectName } from "./name.ts";
import { signatureAlgorithmFor, signWith } from "./signature.ts";

/** What a certificate is to say. */
export interface CertificateTemplate {
  /** Unsigned, big-endian; of {@link randomSerial}. */
  readonly serialNumber: Uint8Array;
  readonly subject?: SubjectName;
  readonly names?: NamesToWrite;
  /** Milliseconds since the epoch; parts of a second are cut off. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: KeyObject;
  readonly use: CertificateUse;
}

/** Who signs: a CA (of {@link createSigner}), or the key itself for a root. */
export type CertificateSigner = CaSigner | { readonly kind: "self"; readonly key: KeyObject };

/** A CA that is ready to sign. */
export interface CaSigner {
  readonly kind: "ca";
  readonly certificate: Certificate;
  readonly key: KeyObject;
  /** The CA's name and key identifier, which every certificate it signs repeats. */
  readonly name: Name;
  readonly keyId: Buffer;
}

/** Makes a signer of a CA's certificate and key; throws `bad-certificate` where it is no CA, `bad-key` where the key is another's. */
export function createSigner(certificate: Certificate, key: KeyObject): CaSigner {
  const { subject, subjectDer, subjectKeyId, publicKey, keyUsage } = certificate;
  if (!isCa(certificate) || (keyUsage !== undefined && (keyUsage & KeyUsageFlags.keyCertSign) === 0)) {
    throw new PkiError("bad-certificate", `certificate ${JSON.stringify(subject)} may not sign others`);
  }
  if (!certificate.x509.checkPrivateKey(key)) {
    throw new PkiError("bad-key", `the key is not that of certificate ${JSON.stringify(subject)}`);
  }
  const keyId = subjectKeyId === undefined ? keyIdentifier(publicKey) : Buffer.from(subjectKeyId, "hex");
  return { kind: "ca", certificate, key, name: AsnConvert.parse(subjectDer, Name), keyId };
}

/** A serial number: 128 random bits, not zero (RFC 5280, 4.1.2.2 asks for positive and at most 20 octets). */
export function randomSerial(): Uint8Array {
  for (;;) {
    const bytes = randomBytes(16);
    if (bytes.some((byte) => byte !== 0)) return bytes;
  }
}

/** Builds and signs a certificate, and gives its DER form. Throws `bad-template` for one that would be wrong by RFC 5280. */
export function buildCertificate(template: CertificateTemplate, signer: CertificateSigner): Buffer {
  const { subject = {}, names = {}, publicKey, use } = template;
  checkTemplate(template, signer);
  const subjectName = buildName(subject);
  const altNames = namesExtension(names, subjectName.length === 0);
  const subjectKeyId = keyIdentifier(publicKey);
  const issuer = signer.kind === "self" ? { name: subjectName, keyId: subjectKeyId } : signer;
  const algorithm = signatureAlgorithmFor(signer.key);
  const tbs = new TBSCertificate({
    version: Version.v3,
    serialNumber: positive(template.serialNumber),
    signature: algorithm,
    issuer: issuer.name,
    validity: new Validity({
      notBefore: wholeSeconds(template.notBefore),
      notAfter: wholeSeconds(template.notAfter),
    }),
    subject: subjectName,
    subjectPublicKeyInfo: AsnConvert.parse(exportPublicKey(publicKey), SubjectPublicKeyInfo),
    extensions: new Extensions([
      ...useExtensions(use, publicKey),
      ...keyIdExtensions(subjectKeyId, issuer.keyId),
      ...(altNames === undefined ? [] : [altNames]),
    ]),
  });
  const tbsDer = Buffer.from(AsnConvert.serialize(tbs));
  const certificate = new AsnCertificate({
    tbsCertificate: tbs,
    tbsCertificateRaw: toArrayBuffer(tbsDer),
    signatureAlgorithm: algorithm,
    signatureValue: toArrayBuffer(signWith(signer.key, tbsDer)),
  });
  return Buffer.from(AsnConvert.serialize(certificate));
}

function checkTemplate(template: CertificateTemplate, signer: CertificateSigner): void {
  const { serialNumber, subject = {}, names = {}, notBefore, notAfter, use } = template;
  const fail = (why: string) => {
    throw new PkiError("bad-template", `certificate: ${why}`);
  };
  if (serialNumber.length > 19 || !serialNumber.some((byte) => byte !== 0))
    fail("the serial number must be positive and of 1 to 19 bytes");
  if (!(notAfter > notBefore)) fail("it would end before it begins");
  if (use.kind === "ca" && Object.keys(subject).length === 0) fail("a CA needs a subject");
  if (use.kind === "leaf" && Object.values(names).flat().length === 0) fail("a leaf needs a name");
  if (signer.kind === "ca" && notAfter > signer.certificate.notAfter)
    fail("it would outlive the certificate that signs it");
}

/** DER's INTEGER is signed: a first bit that is set needs a zero byte before it, and leading zero bytes must go. */
function positive(magnitude: Uint8Array): ArrayBuffer {
  const first = magnitude.findIndex((byte) => byte !== 0);
  const bytes = magnitude.subarray(first);
  return toArrayBuffer((bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}

function wholeSeconds(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}

function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  const copy = new Uint8Array(bytes);
  return copy.buffer;
}
