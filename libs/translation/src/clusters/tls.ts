import type { ClientTLSSettings } from "@weft/istio-api";
import type { Roots, UpstreamTls } from "../ir/index.ts";
import { backendSni } from "../names.ts";
import type { Reporter } from "../problems.ts";

/** What the TLS of one backend depends on. */
export interface BackendTlsInput {
  readonly settings: ClientTLSSettings | undefined;
  readonly port: number;
  readonly subset: string;
  readonly host: string;
  /** SPIFFE identities of the workloads behind it. */
  readonly identities: readonly string[];
  /** Names that a ServiceEntry expects, which count where the rule has none of its own. */
  readonly names: readonly string[];
  readonly http2: boolean;
  /** Where nobody said otherwise: mutual TLS with the endpoints that take it, with all of them, or with none. */
  readonly automatic: "where-taken" | "always" | "never";
}

function customTls(
  settings: ClientTLSSettings,
  { http2, names }: BackendTlsInput,
  report: Reporter | undefined,
): UpstreamTls {
  const insecure = settings.insecureSkipVerify === true;
  if (settings.credentialName !== undefined)
    report?.unsupported("spec.trafficPolicy.tls.credentialName", "credentialName");
  const roots: Roots = settings.caCertificates
    ? { kind: "file", path: settings.caCertificates }
    : { kind: "system" };
  const files = settings.mode === "MUTUAL" && settings.clientCertificate && settings.privateKey;
  return {
    kind: "custom",
    autoSni: !settings.sni,
    subjectAltNames: settings.subjectAltNames?.length ? settings.subjectAltNames : names,
    insecureSkipVerify: insecure,
    alpn: http2 ? ["h2"] : [],
    ...(settings.sni ? { sni: settings.sni } : {}),
    ...(insecure ? {} : { roots }),
    ...(files
      ? { certificate: { chain: settings.clientCertificate ?? "", key: settings.privateKey ?? "" } }
      : {}),
  };
}

/** How connections to a backend are secured; undefined means plain text. */
export function buildBackendTls(
  input: BackendTlsInput,
  report: Reporter | undefined,
): UpstreamTls | undefined {
  const { settings, port, subset, host, http2 } = input;
  const sni = backendSni(port, subset, host);
  switch (settings?.mode) {
    case undefined:
      if (input.automatic === "never") return undefined;
      return {
        kind: input.automatic === "always" ? "mesh" : "auto",
        sni,
        identities: input.identities,
        http2,
      };
    case "DISABLE":
      return undefined;
    case "ISTIO_MUTUAL":
      return {
        kind: "mesh",
        sni: settings.sni || sni,
        identities: settings.subjectAltNames?.length ? settings.subjectAltNames : input.identities,
        http2,
      };
    case "SIMPLE":
    case "MUTUAL":
      return customTls(settings, input, report);
  }
}
