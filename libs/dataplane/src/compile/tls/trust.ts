import { hash, type X509Certificate } from "node:crypto";
import { getCACertificates } from "node:tls";
import {
  type CertificateValidationContext,
  CertificateValidationContext_TrustChainVerification,
  CertificateValidationContextSchema,
  type SubjectAltNameMatcher,
  SubjectAltNameMatcher_SanType,
} from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import { compileString } from "@weft/matching";
import { type CertificateNames, namesOf, type TrustRules } from "../../tls/index.ts";
import { checkFields } from "../check-fields.ts";
import type { Problems } from "../problems.ts";
import { decodeStringMatcher } from "../route/matchers.ts";
import { filePath, parseCertificates, type ReadFile, readSource } from "./data-source.ts";

/**
 * Compiles a validation context. `partial`: it will be merged with another, so that a CA may be missing.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/common.proto
 */
export function compileTrust(
  message: CertificateValidationContext,
  path: string,
  readFile: ReadFile,
  problems: Problems,
  { partial = false }: { readonly partial?: boolean } = {},
): TrustRules {
  problems.add(checkFields(CertificateValidationContextSchema, message, path));
  if (
    message.trustChainVerification !== CertificateValidationContext_TrustChainVerification.VERIFY_TRUST_CHAIN
  ) {
    problems.error(
      `${path}.trust_chain_verification`,
      "not-implemented",
      "untrusted certificates are never accepted: only VERIFY_TRUST_CHAIN is implemented",
    );
  }
  const caPath = `${path}.trusted_ca`;
  const ca =
    message.trustedCa === undefined && message.systemRootCerts !== undefined
      ? systemRoots()
      : readSource(message.trustedCa, caPath, readFile, problems);
  const caCertificates = ca === undefined ? [] : parseCertificates(ca, caPath, problems);
  const crl = readSource(message.crl, `${path}.crl`, readFile, problems);
  const matchesNames = compileNames(message, path, problems);
  const matchesPins = compilePins(message);
  if (!partial && ca === undefined && (matchesNames ?? matchesPins) !== undefined) {
    problems.error(
      caPath,
      "missing",
      "to verify names or pins without a trusted CA is not safe, and not allowed",
    );
  }
  return {
    ca,
    caCertificates,
    caPath: filePath(message.trustedCa)[0] ?? "",
    crl,
    matchesNames,
    matchesPins,
  };
}

/** The machine's own CAs; where it has none, those that come with Node. */
function systemRoots(): string {
  const system = getCACertificates("system");
  return (system.length > 0 ? system : getCACertificates("bundled")).join("\n");
}

type NameMatcher = (names: CertificateNames) => boolean;

function compileNames(
  message: CertificateValidationContext,
  path: string,
  problems: Problems,
): TrustRules["matchesNames"] {
  const typed = message.matchTypedSubjectAltNames.map((one, index) =>
    compileTyped(one, `${path}.match_typed_subject_alt_names[${index}]`, problems),
  );
  // Deprecated: matches names of every kind. Envoy heeds it only where there are no typed ones.
  const untyped = message.matchSubjectAltNames.map((one, index): NameMatcher => {
    const at = `${path}.match_subject_alt_names[${index}]`;
    const matches = compileString(decodeStringMatcher(one, at, problems));
    const isExact = one.matchPattern.case === "exact";
    return ({ uri, dns, ip, email }) =>
      uri.some(matches) ||
      ip.some(matches) ||
      email.some(matches) ||
      dns.some(dnsTest(matches, isExact, one.matchPattern.value));
  });
  const matchers = typed.length > 0 ? typed : untyped;
  if (matchers.length === 0) return undefined;
  return (certificate: X509Certificate) => {
    const names = namesOf(certificate);
    return matchers.some((matches) => matches(names));
  };
}

function compileTyped(
  { sanType, matcher, oid }: SubjectAltNameMatcher,
  path: string,
  problems: Problems,
): NameMatcher {
  const refuse = (code: string, text: string): NameMatcher => {
    problems.error(path, code, text);
    return () => false;
  };
  if (matcher === undefined || oid !== "") return refuse("not-implemented", "needs a matcher, and no oid");
  const matches = compileString(decodeStringMatcher(matcher, `${path}.matcher`, problems));
  switch (sanType) {
    case SubjectAltNameMatcher_SanType.URI:
      return ({ uri }) => uri.some(matches);
    case SubjectAltNameMatcher_SanType.DNS:
      return ({ dns }) =>
        dns.some(dnsTest(matches, matcher.matchPattern.case === "exact", matcher.matchPattern.value));
    case SubjectAltNameMatcher_SanType.IP_ADDRESS:
      return ({ ip }) => ip.some(matches);
    case SubjectAltNameMatcher_SanType.EMAIL:
      return ({ email }) => email.some(matches);
    default:
      return refuse("not-implemented", "san_type is to be one of URI, DNS, IP_ADDRESS, EMAIL");
  }
}

/** An exact name is also found in a wildcard of the certificate: RFC 6125, 6.4.3, the whole of the leftmost label. */
function dnsTest(matches: (name: string) => boolean, isExact: boolean, wanted: unknown) {
  if (!isExact || typeof wanted !== "string") return matches;
  const name = wanted.toLowerCase();
  return (pattern: string) => {
    const lower = pattern.toLowerCase();
    if (lower === name || matches(pattern)) return true;
    const dot = name.indexOf(".");
    return lower.startsWith("*.") && dot > 0 && name.slice(dot) === lower.slice(1);
  };
}

/** Pins: SHA-256 of the certificate in hexadecimal, colons allowed; of its public key in base64. One is enough. */
function compilePins(message: CertificateValidationContext): TrustRules["matchesPins"] {
  const hashes = new Set(message.verifyCertificateHash.map((one) => one.replaceAll(":", "").toLowerCase()));
  const keys = new Set(message.verifyCertificateSpki);
  if (hashes.size + keys.size === 0) return undefined;
  return ({ raw, publicKey }) =>
    hashes.has(hash("sha256", raw, "hex")) ||
    keys.has(hash("sha256", publicKey.export({ type: "spki", format: "der" }), "base64"));
}
