import type { KeyObject } from "node:crypto";
import { Attributes, CertificationRequest, CertificationRequestInfo } from "@peculiar/asn1-csr";
import { AsnConvert, AsnParser } from "@peculiar/asn1-schema";
import { Attribute, Extensions, SubjectPublicKeyInfo } from "@peculiar/asn1-x509";
import { fromBER, type Sequence } from "asn1js";
import { guard, PkiError } from "./error.ts";
import { type ExtensionValues, type NamesToWrite, namesExtension, readExtensions } from "./extensions.ts";
import { exportPublicKey, type KeyPair, readPublicKey } from "./keys.ts";
import { buildName, formatName, type SubjectName } from "./name.ts";
import { formatPem, parseOnePem } from "./pem.ts";
import { signatureAlgorithmFor, signWith, verifySignature } from "./signature.ts";

/** A certificate signing request whose signature has been verified: the sender holds the key. Everything else in it is only asked for. */
export interface CertificateRequest {
  readonly publicKey: KeyObject;
  /** For people. */
  readonly subject: string;
  /** The extensions asked for. */
  readonly asked: ExtensionValues;
}

/** Largest request that is read, as PEM: one of an RSA key of 8192 bits takes 3 KiB. */
export const maxCsrBytes = 16 * 1024;

const extensionRequest = "1.2.840.113549.1.9.14";

/**
 * Reads a request (PKCS #10) from PEM and verifies its signature. Throws `bad-csr`, `bad-pem` or `bad-key`.
 * https://www.rfc-editor.org/rfc/rfc2986
 */
export function parseCsr(pem: string): CertificateRequest {
  if (pem.length > maxCsrBytes) {
    throw new PkiError("bad-csr", `request of ${pem.length} bytes, allowed are ${maxCsrBytes}`);
  }
  const { der } = parseOnePem(pem, ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"]);
  const { request, spki } = guard("bad-csr", "the request cannot be read", () => readParts(der));
  const { certificationRequestInfo: info, certificationRequestInfoRaw: data } = request;
  const publicKey = readPublicKey(spki);
  const signed = { oid: request.signatureAlgorithm.algorithm, data, signature: request.signature };
  if (!isSigned(signed, publicKey)) {
    throw new PkiError("bad-csr", "the request is not signed by the key in it");
  }
  const asked = (info.attributes ?? []).filter(({ type }) => type === extensionRequest);
  const values = asked.flatMap(({ values }) => values);
  if (values.length > 1) throw new PkiError("bad-csr", "the request asks for extensions twice");
  const [value] = values;
  const extensions = guard("bad-csr", "the extensions asked for cannot be read", () =>
    value === undefined ? [] : AsnConvert.parse(value, Extensions),
  );
  return {
    publicKey,
    subject: formatName(info.subject),
    asked: readExtensions(extensions, "bad-csr"),
  };
}

/** The request, and its SubjectPublicKeyInfo as it stands in it: to encode it anew would take as long as to read all. */
function readParts(der: Buffer): { readonly request: CertificationRequest; readonly spki: Uint8Array } {
  const { result, offset } = fromBER(der);
  if (offset !== der.length) throw new PkiError("bad-csr", "the request is not DER, or has bytes after it");
  const request = AsnParser.fromASN(result, CertificationRequest);
  // CertificationRequestInfo ::= SEQUENCE { version, subject, subjectPKInfo, attributes }: the parser has just checked the form.
  const [info] = (result as Sequence).valueBlock.value;
  const [, , spki] = (info as Sequence).valueBlock.value;
  if (spki === undefined) throw new PkiError("bad-csr", "the request has no public key");
  return { request, spki: spki.valueBeforeDecodeView };
}

function isSigned(
  { oid, data, signature }: { oid: string; data: ArrayBuffer | undefined; signature: ArrayBuffer },
  key: KeyObject,
): boolean {
  return data !== undefined && verifySignature({ oid, data, signature }, key, "bad-csr");
}

/** Makes a request for the key pair, as PEM, signed by the private key. */
export function createCsr(keys: KeyPair, ask: { subject?: SubjectName; names?: NamesToWrite } = {}): string {
  const { subject = {}, names = {} } = ask;
  const altNames = namesExtension(names, Object.keys(subject).length === 0);
  const attributes = new Attributes(
    altNames === undefined
      ? []
      : [
          new Attribute({
            type: extensionRequest,
            values: [AsnConvert.serialize(new Extensions([altNames]))],
          }),
        ],
  );
  const info = new CertificationRequestInfo({
    subject: buildName(subject),
    subjectPKInfo: AsnConvert.parse(exportPublicKey(keys.publicKey), SubjectPublicKeyInfo),
    attributes,
  });
  const data = AsnConvert.serialize(info);
  const signature = new Uint8Array(signWith(keys.privateKey, new Uint8Array(data)));
  const request = new CertificationRequest({
    certificationRequestInfo: info,
    certificationRequestInfoRaw: data,
    signatureAlgorithm: signatureAlgorithmFor(keys.privateKey),
    signature: signature.buffer,
  });
  return formatPem("CERTIFICATE REQUEST", Buffer.from(AsnConvert.serialize(request)));
}
