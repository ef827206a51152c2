import type { Clock } from "@weft/base";
import { type Certificate, PkiError, parseWorkloadIdentity, verifyChain } from "@weft/pki";
import type { Authenticator } from "./authenticator.ts";

/** Whose certificates are taken. All is asked for anew at each call: a connection may outlive a root. */
export interface ClientTrust {
  /** Trust domains of the mesh: its own first, then its aliases. */
  trustDomains(): readonly string[];
  /** During a change of the root both. */
  roots(): readonly Certificate[];
  /** Certificates that may stand between a client's and a root. */
  intermediates(): readonly Certificate[];
}

/**
 * Takes client certificates of the mesh: verified anew against the roots of now, with exactly one URI, a workload's identity of one of
 * its trust domains.
 */
export function createClientCertificateAuthenticator(trust: ClientTrust, clock: Clock): Authenticator {
  return {
    name: "client-certificate",
    authenticate: async ({ certificate }) => {
      if (certificate === undefined) return { kind: "absent" };
      try {
        verifyChain(certificate, {
          intermediates: trust.intermediates(),
          roots: trust.roots(),
          now: clock.now(),
          purpose: "client",
        });
        const { uris } = certificate.subjectAltNames;
        // X509-SVID, 2: a certificate with more than one URI must be rejected.
        if (uris.length !== 1) return { kind: "refused", reason: `${uris.length} URIs, allowed is one` };
        const identity = parseWorkloadIdentity(uris[0] ?? "");
        if (!trust.trustDomains().includes(identity.trustDomain)) {
          return { kind: "refused", reason: `trust domain ${identity.trustDomain} is not this mesh's` };
        }
        return { kind: "caller", identity };
      } catch (error) {
        if (!(error instanceof PkiError)) throw error;
        return { kind: "refused", reason: error.message };
      }
    },
  };
}
