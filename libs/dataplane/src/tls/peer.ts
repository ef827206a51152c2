import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { PeerCertificate, TlsInfo } from "../runtime/connection.ts";
import { TransportSocketError } from "./error.ts";
import { formatSubject, namesOf } from "./names.ts";
import type { TlsCertificate, TrustRules } from "./secret.ts";

/** Describes a verified certificate. */
export function describePeer(certificate: X509Certificate): PeerCertificate {
  const { uri, dns } = namesOf(certificate);
  return {
    uriSans: uri,
    dnsSans: dns,
    subject: formatSubject(certificate),
    serialNumber: certificate.serialNumber.toLowerCase(),
    sha256: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    // Few ask for it.
    get pem() {
      return certificate.toString();
    },
  };
}

/** Says what a handshake gave; `peer` only where it was verified. */
export function describeTls(
  socket: TLSSocket,
  peer: PeerCertificate | undefined,
  certificates: readonly TlsCertificate[],
): TlsInfo {
  const [own] = certificates;
  return {
    version: socket.getProtocol() ?? "",
    cipher: socket.getCipher()?.name ?? "",
    ...(peer !== undefined && { peer }),
    localUriSans: own === undefined ? [] : namesOf(own.certificates[0]).uri,
  };
}

/**
 * Judges the other side's certificate: the chain (which OpenSSL verified in the handshake, `verifyError`), its time, its
 * names, its pins. Time is looked at here once more, since a resumed session brings the verdict of an earlier handshake.
 * Returns what is wrong; undefined where nothing is.
 */
export function judgePeer(
  certificate: X509Certificate,
  verifyError: Error | null,
  trust: TrustRules,
  now: number,
): TransportSocketError | undefined {
  if (trust.ca !== undefined) {
    if (verifyError) return new TransportSocketError("untrusted", verifyError.message);
    if (now > certificate.validToDate.getTime() || now < certificate.validFromDate.getTime())
      return new TransportSocketError("untrusted", "the certificate is out of its time");
  }
  if (trust.matchesNames?.(certificate) === false)
    return new TransportSocketError(
      "wrong-name",
      `no name of the certificate is wanted: ${certificate.subjectAltName ?? "it has none"}`,
    );
  if (trust.matchesPins?.(certificate) === false)
    return new TransportSocketError(
      "not-pinned",
      "neither certificate nor key is one of those that are pinned",
    );
  return undefined;
}

const encodings: Readonly<Record<string, string>> = {
  "\n": "%0A",
  " ": "%20",
  "+": "%2B",
  "/": "%2F",
  "=": "%3D",
};

/** PEM as headers and authorizers get it. */
export function urlEncodePem(pem: string): string {
  return pem.replace(/[\n +/=]/g, (character) => encodings[character] ?? "");
}
