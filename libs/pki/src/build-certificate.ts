import { type KeyObject, randomBytes } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import { type Certificate, isCa } from "./certificate.ts";
import { derInteger, derTags, derTime, joinDer } from "./der.ts";
import { PkiError } from "./error.ts";
import {
  authorityKeyIdExtension,
  type CertificateUse,
  KeyUsageFlags,
  keyIdentifier,
  type NamesToWrite,
  namesExtension,
  subjectKeyIdExtension,
  useExtensions,
} from "./extensions.ts";
import { exportPublicKey, keyKindOf } from "./keys.ts";
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
  /** DER of what every leaf repeats. */
  readonly parts: IssuerParts;
}

/** Encoded once for each signer. */
interface IssuerParts {
  readonly algorithm: Buffer;
  readonly name: Buffer;
  readonly authorityKeyId: Buffer;
  /** What a leaf is for, by the type of its key. */
  readonly leafUse: Readonly<Record<"ecdsa" | "rsa", Buffer>>;
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
  const keyId =
    subjectKeyId === undefined ? keyIdentifier(exportPublicKey(publicKey)) : Buffer.from(subjectKeyId, "hex");
  return { kind: "ca", certificate, key, parts: issuerParts({ key, name: subjectDer, keyId }) };
}

function issuerParts(issuer: { key: KeyObject; name: Buffer; keyId: Buffer }): IssuerParts {
  const leaf = { kind: "leaf" } as const;
  return {
    algorithm: encode(signatureAlgorithmFor(issuer.key)),
    name: issuer.name,
    authorityKeyId: encode(authorityKeyIdExtension(issuer.keyId)),
    leafUse: {
      ecdsa: encodeAll(useExtensions(leaf, "ecdsa")),
      rsa: encodeAll(useExtensions(leaf, "rsa")),
    },
  };
}

function encode(value: object): Buffer {
  return Buffer.from(AsnConvert.serialize(value));
}

function encodeAll(values: readonly object[]): Buffer {
  return Buffer.concat(values.map(encode));
}

/** A serial number: 128 random bits, not zero (RFC 5280, 4.1.2.2 asks for positive and at most 20 octets). */
export function randomSerial(): Uint8Array {
  for (;;) {
    const bytes = randomBytes(16);
    if (bytes.some((byte) => byte !== 0)) return bytes;
  }
}

/** INTEGER 2: version 3. */
const version = joinDer(derTags.context0, derInteger(Uint8Array.of(2)));

/** Builds and signs a certificate, and gives its DER form. Throws `bad-template` for one that would be wrong by RFC 5280. */
export function buildCertificate(template: CertificateTemplate, signer: CertificateSigner): Buffer {
  const { subject = {}, names = {}, publicKey, use } = template;
  checkTemplate(template, signer);
  const kind = keyKindOf(publicKey).kind;
  const subjectName = buildName(subject);
  const name = encode(subjectName);
  const spki = exportPublicKey(publicKey);
  const subjectKeyId = keyIdentifier(spki);
  const issuer =
    signer.kind === "ca" ? signer.parts : issuerParts({ key: signer.key, name, keyId: subjectKeyId });
  const altNames = namesExtension(names, subjectName.length === 0);
  const extensions = joinDer(
    derTags.sequence,
    use.kind === "leaf" ? issuer.leafUse[kind] : encodeAll(useExtensions(use, kind)),
    encode(subjectKeyIdExtension(subjectKeyId)),
    issuer.authorityKeyId,
    altNames === undefined ? Buffer.alloc(0) : encode(altNames),
  );
  const tbs = joinDer(
    derTags.sequence,
    version,
    derInteger(template.serialNumber),
    issuer.algorithm,
    issuer.name,
    joinDer(derTags.sequence, derTime(template.notBefore), derTime(template.notAfter)),
    name,
    spki,
    joinDer(derTags.context3, extensions),
  );
  // A BIT STRING begins with the number of bits that are unused.
  const signature = joinDer(derTags.bitString, Buffer.alloc(1), signWith(signer.key, tbs));
  return joinDer(derTags.sequence, tbs, issuer.algorithm, signature);
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
