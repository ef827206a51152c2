import type { ClientTLSSettings } from "@weft/istio-api";
import type { TlsMaterial, UpstreamTls } from "../ir/index.ts";
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
  readonly http2: boolean;
  /** Whether mutual TLS is used where the endpoints take it and nobody said otherwise. */
  readonly automatic: boolean;
}

/** A secret that the agent reads from files; Istio's names for them. */
function fromFile(kind: "root" | "cert", path: string): TlsMaterial {
  return { secretName: `file-${kind}:${path}`, source: "agent" };
}

function customTls(settings: ClientTLSSettings, http2: boolean, report: Reporter | undefined): UpstreamTls {
  const credential = settings.credentialName;
  const insecure = settings.insecureSkipVerify === true;
  const mutual = settings.mode === "MUTUAL";
  const secret = (suffix: string): TlsMaterial => ({
    secretName: `kubernetes://${credential}${suffix}`,
    source: "control-plane",
  });
  if (settings.caCrl !== undefined) report?.unsupported("spec.trafficPolicy.tls.caCrl", "caCrl");
  const certificate = !mutual
    ? undefined
    : credential === undefined
      ? fromFile("cert", `${settings.clientCertificate ?? ""}~${settings.privateKey ?? ""}`)
      : secret("");
  const ca = insecure
    ? undefined
    : credential === undefined
      ? fromFile("root", settings.caCertificates || "system")
      : secret("-cacert");
  return {
    kind: "custom",
    autoSni: !settings.sni,
    subjectAltNames: settings.subjectAltNames ?? [],
    insecureSkipVerify: insecure,
    alpn: http2 ? ["h2"] : [],
    ...(settings.sni ? { sni: settings.sni } : {}),
    ...(ca ? { ca } : {}),
    ...(certificate ? { certificate } : {}),
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
      return input.automatic ? { kind: "auto", sni, identities: input.identities, http2 } : undefined;
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
      return customTls(settings, http2, report);
  }
}
