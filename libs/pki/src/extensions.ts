import { hash } from "node:crypto";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  ExtendedKeyUsage,
  Extension,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_clientAuth,
  id_kp_serverAuth,
  KeyUsage,
  KeyUsageFlags,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
} from "@peculiar/asn1-x509";
import { guard, PkiError, type PkiErrorCode } from "./error.ts";
import type { KeyKind } from "./keys.ts";

/** Names in a certificate or a request. `others` counts names of kinds that Weft has no use for. */
export interface SubjectAltNames {
  readonly uris: readonly string[];
  readonly dns: readonly string[];
  readonly ips: readonly string[];
  readonly emails: readonly string[];
  readonly others: number;
}

/** What the extensions of a certificate or a request say. */
export interface ExtensionValues {
  readonly subjectAltNames: SubjectAltNames;
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength: number | undefined } | undefined;
  /** Bits of {@link KeyUsageFlags}; undefined where the extension is absent. */
  readonly keyUsage: number | undefined;
  /** OIDs; undefined where the extension is absent. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** Lower case hexadecimal. */
  readonly subjectKeyId: string | undefined;
  readonly authorityKeyId: string | undefined;
  /** OIDs of critical extensions that are not understood here: a certificate with one must not be trusted. */
  readonly unknownCritical: readonly string[];
}

export { id_kp_clientAuth as clientAuth, id_kp_serverAuth as serverAuth, KeyUsageFlags };

/** Names in one certificate or request at most. */
const maxNames = 100;
const maxExtensions = 32;

/** Reads extensions; throws `code` where one is malformed or there twice. */
export function readExtensions(extensions: readonly Extension[], code: PkiErrorCode): ExtensionValues {
  if (extensions.length > maxExtensions) {
    throw new PkiError(code, `${extensions.length} extensions, allowed are ${maxExtensions}`);
  }
  const values = new Map<string, ArrayBuffer>();
  const unknownCritical: string[] = [];
  for (const { extnID, extnValue, critical } of extensions) {
    // RFC 5280, 4.2: a certificate must not include more than one instance of an extension.
    if (values.has(extnID)) throw new PkiError(code, `extension ${extnID} is there twice`);
    values.set(extnID, extnValue.buffer);
    if (critical && !understood.has(extnID)) unknownCritical.push(extnID);
  }
  const read = <T>(oid: string, type: new () => T): T | undefined => {
    const value = values.get(oid);
    if (value === undefined) return undefined;
    return guard(code, `extension ${oid} cannot be read`, () => AsnConvert.parse(value, type));
  };
  const constraints = read(id_ce_basicConstraints, BasicConstraints);
  const usage = read(id_ce_keyUsage, KeyUsage);
  const extended = read(id_ce_extKeyUsage, ExtendedKeyUsage);
  const subjectKeyId = read(id_ce_subjectKeyIdentifier, SubjectKeyIdentifier);
  const authorityKeyId = read(id_ce_authorityKeyIdentifier, AuthorityKeyIdentifier)?.keyIdentifier;
  return {
    subjectAltNames: readNames(read(id_ce_subjectAltName, SubjectAlternativeName) ?? [], code),
    basicConstraints: constraints && { ca: constraints.cA, pathLength: constraints.pathLenConstraint },
    keyUsage: usage?.toNumber(),
    extendedKeyUsage: extended && [...extended],
    subjectKeyId: subjectKeyId && hex(subjectKeyId.buffer),
    authorityKeyId: authorityKeyId && hex(authorityKeyId.buffer),
    unknownCritical,
  };
}

const understood: ReadonlySet<string> = new Set([
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
]);

function readNames(names: readonly GeneralName[], code: PkiErrorCode): SubjectAltNames {
  if (names.length > maxNames) {
    throw new PkiError(code, `${names.length} subject alternative names, allowed are ${maxNames}`);
  }
  const kinds = names.map((name) => ({
    uri: name.uniformResourceIdentifier,
    dns: name.dNSName,
    ip: name.iPAddress,
    email: name.rfc822Name,
  }));
  const of = (kind: "uri" | "dns" | "ip" | "email") =>
    kinds.map((name) => name[kind]).filter((value) => value !== undefined);
  const known = { uris: of("uri"), dns: of("dns"), ips: of("ip"), emails: of("email") };
  return { ...known, others: names.length - Object.values(known).flat().length };
}

/** Names to write. */
export interface NamesToWrite {
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
  readonly ips?: readonly string[];
}

/** The subject alternative names as an extension; undefined where there are none. Critical where the subject is empty (RFC 5280, 4.2.1.6). */
export function namesExtension(names: NamesToWrite, critical: boolean): Extension | undefined {
  const { uris = [], dns = [], ips = [] } = names;
  const all = [
    ...uris.map((uniformResourceIdentifier) => new GeneralName({ uniformResourceIdentifier })),
    ...dns.map((dNSName) => new GeneralName({ dNSName })),
    ...ips.map((iPAddress) => new GeneralName({ iPAddress })),
  ];
  if (all.length === 0) return undefined;
  return extension(id_ce_subjectAltName, critical, new SubjectAlternativeName(all));
}

/** What a certificate is for. */
export type CertificateUse =
  | { readonly kind: "leaf" }
  /** `pathLength`: how many CAs may stand between it and a leaf; any number where undefined. */
  | { readonly kind: "ca"; readonly pathLength?: number };

/** Key usage, extended key usage and basic constraints, by the book (RFC 5280, 4.2.1.3, 4.2.1.9, 4.2.1.12). */
export function useExtensions(use: CertificateUse, keyKind: KeyKind["kind"]): Extension[] {
  if (use.kind === "ca") {
    const flags = KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign;
    const { pathLength } = use;
    const constraints = new BasicConstraints({
      cA: true,
      ...(pathLength === undefined ? {} : { pathLenConstraint: pathLength }),
    });
    return [
      extension(id_ce_keyUsage, true, new KeyUsage(flags)),
      extension(id_ce_basicConstraints, true, constraints),
    ];
  }
  // Only RSA keys can encipher another key.
  const enciphers = keyKind === "rsa" ? KeyUsageFlags.keyEncipherment : 0;
  return [
    extension(id_ce_keyUsage, true, new KeyUsage(KeyUsageFlags.digitalSignature | enciphers)),
    extension(id_ce_extKeyUsage, false, new ExtendedKeyUsage([id_kp_serverAuth, id_kp_clientAuth])),
    extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: false })),
  ];
}

/** The identifier of a key: the first 160 bits of the SHA-256 of its SubjectPublicKeyInfo (RFC 7093, section 2, the fourth method). */
export function keyIdentifier(spki: Uint8Array): Buffer {
  return hash("sha256", spki, "buffer").subarray(0, 20);
}

/** The subject's key identifier. */
export function subjectKeyIdExtension(keyId: Uint8Array): Extension {
  return extension(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(keyId));
}

/** The issuer's key identifier. */
export function authorityKeyIdExtension(keyId: Uint8Array): Extension {
  const value = new AuthorityKeyIdentifier({ keyIdentifier: new OctetString(keyId) });
  return extension(id_ce_authorityKeyIdentifier, false, value);
}

function extension(extnID: string, critical: boolean, value: object): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function hex(data: ArrayBuffer): string {
  return Buffer.from(data).toString("hex");
}
