import type { ClientTLSSettings } from "@weft/istio-api";
import type { Findings } from "../findings.ts";

/** Checks how a client does TLS: what each mode needs, and what it has no use for. */
export function checkClientTls(tls: ClientTLSSettings, findings: Findings): void {
  const { mode = "DISABLE", credentialName, insecureSkipVerify } = tls;
  const files = ["clientCertificate", "privateKey", "caCertificates", "caCrl"] as const;
  if ((mode === "SIMPLE" || mode === "MUTUAL") && credentialName) {
    for (const field of files.filter((name) => tls[name]))
      findings.error(field, "conflicting-fields", "must not be set beside credentialName, which holds it");
  } else if (mode === "MUTUAL") {
    for (const field of ["clientCertificate", "privateKey"] as const)
      if (!tls[field])
        findings.error(field, "missing-field", "is missing; mode MUTUAL needs it, or credentialName");
  }
  if (insecureSkipVerify && (mode === "SIMPLE" || mode === "MUTUAL")) {
    if (tls.caCertificates)
      findings.error("caCertificates", "conflicting-fields", "must not be set with insecureSkipVerify");
    if ((tls.subjectAltNames ?? []).length > 0)
      findings.error("subjectAltNames", "conflicting-fields", "must not be set with insecureSkipVerify");
  }
}
