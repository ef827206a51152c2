import type { ServerTLSSettings } from "@weft/istio-api";
import type { ClientVerification, DownstreamTls, ServerCertificate, TlsVersion } from "../ir/index.ts";

/** Names of secrets that are served as they stand; others name Kubernetes Secrets. */
const schemes = ["kubernetes://", "kubernetes-gateway://", "configmap://", "invalid://"];
/** Stands for the workload's own certificate. */
const builtinScheme = "builtin://";
/** Marks the secret that holds the authorities of another's clients. */
export const authoritySuffix = "-cacert";

/** The SDS name of a credential: `kubernetes://NAME` unless it has a scheme of its own. */
export function secretName(credential: string): string {
  return schemes.some((scheme) => credential.startsWith(scheme)) ? credential : `kubernetes://${credential}`;
}

function certificateOf(credential: string): ServerCertificate {
  return credential.startsWith(builtinScheme)
    ? { kind: "workload" }
    : { kind: "secret", name: secretName(credential) };
}

function credentialsOf(tls: ServerTLSSettings): readonly string[] {
  if (tls.credentialNames?.length) return tls.credentialNames;
  return tls.credentialName ? [tls.credentialName] : [];
}

/** Certificates and authorities as files of the proxy's. */
function filesOf(tls: ServerTLSSettings) {
  return tls.tlsCertificates?.length ? tls.tlsCertificates : [tls];
}

function certificatesOf(tls: ServerTLSSettings): readonly ServerCertificate[] {
  const credentials = credentialsOf(tls);
  if (credentials.length > 0) return credentials.map(certificateOf);
  return filesOf(tls).flatMap(({ serverCertificate, privateKey }) =>
    serverCertificate && privateKey
      ? [{ kind: "files" as const, chain: serverCertificate, key: privateKey }]
      : [],
  );
}

function rootsOf(tls: ServerTLSSettings): ClientVerification["roots"] | undefined {
  const [first] = credentialsOf(tls);
  const { caCertCredentialName: own = "" } = tls;
  // What the Gateway API was made into names the secret of authorities itself.
  if (own.endsWith(authoritySuffix)) return { kind: "secret", name: secretName(own) };
  const authority = own || first;
  if (authority) return { kind: "secret", name: `${secretName(authority)}${authoritySuffix}` };
  const file = filesOf(tls).find(({ caCertificates }) => caCertificates)?.caCertificates;
  return file ? { kind: "file", path: file } : undefined;
}

function verificationBy(
  tls: ServerTLSSettings,
  roots: ClientVerification["roots"],
  required: boolean,
): ClientVerification {
  return {
    required,
    roots,
    subjectAltNames: tls.subjectAltNames ?? [],
    spki: tls.verifyCertificateSpki ?? [],
    hashes: tls.verifyCertificateHash ?? [],
    ...(tls.caCrl ? { crl: tls.caCrl } : {}),
  };
}

function version(name: string | undefined): TlsVersion | undefined {
  return name === undefined || name === "TLS_AUTO" ? undefined : (name as TlsVersion); // one of the schema's words
}

/**
 * How a server terminates TLS; a reason where its settings do not say with what. Passing TLS through is no matter of
 * this. https://istio.io/latest/docs/reference/config/networking/gateway/#ServerTLSSettings
 */
export function buildServerTls(
  tls: ServerTLSSettings,
  http: boolean,
): DownstreamTls | { readonly missing: string } {
  if (tls.mode === "ISTIO_MUTUAL")
    return {
      kind: "server",
      alpn: http ? ["h2", "http/1.1"] : ["istio-peer-exchange", "h2", "http/1.1"],
      certificates: [{ kind: "workload" }],
      clients: verificationBy(
        { ...tls, verifyCertificateSpki: [], verifyCertificateHash: [] },
        { kind: "mesh" },
        true,
      ),
      ciphers: [],
    };
  const certificates = certificatesOf(tls);
  if (certificates.length === 0)
    return { missing: "a certificate: credentialName, or serverCertificate with privateKey" };
  const asksClients = tls.mode === "MUTUAL" || tls.mode === "OPTIONAL_MUTUAL";
  const roots = asksClients ? rootsOf(tls) : undefined;
  if (asksClients && roots === undefined)
    return { missing: "authorities for clients' certificates: credentialName or caCertificates" };
  const [minVersion, maxVersion] = [version(tls.minProtocolVersion), version(tls.maxProtocolVersion)];
  return {
    kind: "server",
    alpn: ["h2", "http/1.1"],
    certificates,
    ...(roots ? { clients: verificationBy(tls, roots, tls.mode === "MUTUAL") } : {}),
    ...(minVersion ? { minVersion } : {}),
    ...(maxVersion ? { maxVersion } : {}),
    ciphers: tls.cipherSuites ?? [],
  };
}
