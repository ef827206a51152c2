import type { FieldSupport } from "./index.ts";

const tls = "envoy.extensions.transport_sockets.tls.v3";
const whenRead = "files are read when the configuration or secret that names them comes";

/** TLS contexts and secrets. Whatever would make verification laxer if it were left out is refused. */
export const tlsFields: Readonly<Record<string, FieldSupport>> = {
  [`${tls}.DownstreamTlsContext`]: {
    used: "common_tls_context require_client_certificate",
    withoutEffect: {
      disable_stateful_session_resumption: "sessions are resumed by tickets alone",
      full_scan_certs_on_sni_mismatch: "OpenSSL chooses among certificates by their kind of key",
      ocsp_staple_policy: "nothing is stapled",
    },
  },
  [`${tls}.UpstreamTlsContext`]: {
    used: "common_tls_context sni max_session_keys",
    withoutEffect: {
      allow_renegotiation: "there is no renegotiation: the safer of both",
      enforce_rsa_key_usage: "OpenSSL looks at key usage whenever it verifies",
    },
  },
  [`${tls}.CommonTlsContext`]: {
    used: `tls_params tls_certificates tls_certificate_sds_secret_configs validation_context
      validation_context_sds_secret_config combined_validation_context alpn_protocols`,
  },
  [`${tls}.CommonTlsContext.CombinedCertificateValidationContext`]: {
    used: "default_validation_context validation_context_sds_secret_config",
  },
  [`${tls}.TlsParameters`]: {
    used: `tls_minimum_protocol_version tls_maximum_protocol_version cipher_suites ecdh_curves signature_algorithms`,
  },
  [`${tls}.TlsCertificate`]: {
    used: "certificate_chain private_key password",
    withoutEffect: { watched_directory: whenRead },
  },
  [`${tls}.CertificateValidationContext`]: {
    used: `trusted_ca system_root_certs match_typed_subject_alt_names match_subject_alt_names verify_certificate_hash
      verify_certificate_spki crl trust_chain_verification`,
    withoutEffect: { watched_directory: whenRead },
  },
};
