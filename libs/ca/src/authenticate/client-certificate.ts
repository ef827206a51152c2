import type { Clock } from "@weft/base";
import { PkiError, parseWorkloadIdentity, verifyChain } from "@weft/pki";
import type { CertificateAuthority } from "../authority.ts";
import type { Authenticator } from "./authenticator.ts";

/**
 * Takes client certificates that this CA issued: verified anew against the roots of now (a connection may outlive a root), with exactly one
 * URI, a workload's identity of this trust domain.
 */
export function createClientCertificateAuthenticator(
  authority: CertificateAuthority,
  clock: Clock,
): Authenticator {
  return {
    name: "client-certificate",
    authenticate: async ({ certificate }) => {
      if (certificate === undefined) return { kind: "absent" };
      try {
        verifyChain(certificate, {
          intermediates: authority.intermediates(),
          roots: authority.bundle().roots,
          now: clock.now(),
          purpose: "client",
        });
        const { uris } = certificate.subjectAltNames;
        // X509-SVID, 2: a certificate with more than one URI must be rejected.
        if (uris.length !== 1) return { kind: "refused", reason: `${uris.length} URIs, allowed is one` };
        const identity = parseWorkloadIdentity(uris[0] ?? "");
        if (identity.trustDomain !== authority.trustDomain) {
          return { kind: "refused", reason: `trust domain ${identity.trustDomain} is not this CA's` };
        }
        return { kind: "caller", identity };
      } catch (error) {
        if (!(error instanceof PkiError)) throw error;
        return { kind: "refused", reason: error.message };
      }
    },
  };
}
