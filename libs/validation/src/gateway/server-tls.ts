import type { ServerTLSSettings } from "@weft/istio-api";
import { each, type Findings } from "../findings.ts";
import { duplicates } from "../values.ts";

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/common.proto (TLS 1.2 and older). */
const cipherSuites: ReadonlySet<string> = new Set([
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-ECDSA-AES256-SHA",
  "ECDHE-RSA-AES256-SHA",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-SHA",
  "AES256-SHA",
  "DES-CBC3-SHA",
]);

/** Checks how a server terminates TLS: what each mode needs, and what it has no use for. */
export function checkServerTls(tls: ServerTLSSettings, findings: Findings): void {
  const { mode = "PASSTHROUGH" } = tls;
  checkCipherSuites(tls, findings);
  if (mode === "ISTIO_MUTUAL") {
    const own = [
      "serverCertificate",
      "privateKey",
      "caCertificates",
      "credentialName",
      "credentialNames",
    ] as const;
    for (const field of own.filter((name) => tls[name]?.length))
      findings.error(
        field,
        "conflicting-fields",
        "must not be set with mode ISTIO_MUTUAL, which has the mesh's own",
      );
    return;
  }
  if (mode === "PASSTHROUGH" || mode === "AUTO_PASSTHROUGH") {
    for (const field of ["serverCertificate", "privateKey", "caCertificates", "credentialName"] as const)
      if (tls[field])
        findings.warn(field, "no-effect", `has no effect with mode ${mode}: nothing is terminated`);
    return;
  }
  const sources = ["credentialName", "credentialNames", "tlsCertificates"] as const;
  const set = sources.filter((field) => tls[field]?.length);
  const first = set[0];
  if (first === undefined) checkFiles(tls, mode, findings);
  else if (tls.serverCertificate)
    findings.error("serverCertificate", "conflicting-fields", `must not be set beside ${first}`);
  each(tls.tlsCertificates, "tlsCertificates", findings, (pair, at) => {
    for (const field of ["serverCertificate", "privateKey"] as const)
      if (!pair[field]) at.error(field, "missing-field", "is missing; it must be set");
  });
  if (first === "tlsCertificates" && mode === "MUTUAL" && !tls.caCertificates && !tls.caCertCredentialName)
    findings.error("caCertificates", "missing-field", `is missing; mode ${mode} needs it to verify clients`);
}

function checkFiles(tls: ServerTLSSettings, mode: string, findings: Findings): void {
  for (const field of ["serverCertificate", "privateKey"] as const)
    if (!tls[field])
      findings.error(field, "missing-field", `is missing; mode ${mode} needs it, or credentialName`);
  const verifies = mode === "MUTUAL" || mode === "OPTIONAL_MUTUAL";
  if (verifies && !tls.caCertificates && !tls.caCertCredentialName)
    findings.error("caCertificates", "missing-field", `is missing; mode ${mode} needs it to verify clients`);
}

function checkCipherSuites({ cipherSuites: suites = [] }: ServerTLSSettings, findings: Findings): void {
  suites.forEach((suite, i) => {
    // BoringSSL reads a leading -, + or ! as taking a suite out or moving it.
    if (!cipherSuites.has(suite.replace(/^[-+!]/, "")))
      findings.warn(
        `cipherSuites[${i}]`,
        "unknown-cipher-suite",
        `"${suite}" is not a cipher suite; it is left out`,
      );
  });
  for (const suite of duplicates(suites))
    findings.warn("cipherSuites", "duplicate", `"${suite}" stands more than once`);
}
