import type { ClientTLSSettings } from "@weft/istio-api";
import { authoritySuffix, secretName } from "../gateway/tls.ts";
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
  /** Whether certificates may come from Secrets: not to every sidecar that a rule without a selector is for. */
  readonly takesCredentials: boolean;
  /** Where nobody said otherwise: mutual TLS with the endpoints that take it, with all of them, or with none. */
  readonly automatic: "where-taken" | "always" | "never";
}

/** The SDS name of the Secret that a rule names; undefined where it names none, or none that this proxy may ask for. */
function credentialOf(
  { credentialName }: ClientTLSSettings,
  taken: boolean,
  report: Reporter | undefined,
): string | undefined {
  if (!credentialName) return undefined;
  if (taken) return secretName(credentialName);
  report?.warn(
    "unsupported-field",
    "spec.trafficPolicy.tls.credentialName",
    "sidecars take a credentialName only from a rule with a workloadSelector; it has no effect for them",
  );
  return undefined;
}

function rootsOf({ caCertificates }: ClientTLSSettings, credential: string | undefined): Roots {
  if (credential) return { kind: "secret", name: `${credential}${authoritySuffix}` };
  return caCertificates ? { kind: "file", path: caCertificates } : { kind: "system" };
}

function certificateOf(
  { clientCertificate: chain, privateKey: key }: ClientTLSSettings,
  credential: string | undefined,
): Extract<UpstreamTls, { kind: "custom" }>["certificate"] {
  if (credential) return { kind: "secret", name: credential };
  return chain && key ? { kind: "files", chain, key } : undefined;
}

function customTls(
  settings: ClientTLSSettings,
  { http2, names, takesCredentials }: BackendTlsInput,
  report: Reporter | undefined,
): UpstreamTls {
  const insecure = settings.insecureSkipVerify === true;
  const credential = credentialOf(settings, takesCredentials, report);
  const certificate = settings.mode === "MUTUAL" ? certificateOf(settings, credential) : undefined;
  return {
    kind: "custom",
    autoSni: !settings.sni,
    subjectAltNames: settings.subjectAltNames?.length ? settings.subjectAltNames : names,
    insecureSkipVerify: insecure,
    alpn: http2 ? ["h2"] : [],
    ...(settings.sni ? { sni: settings.sni } : {}),
    ...(insecure ? {} : { roots: rootsOf(settings, credential) }),
    ...(insecure || !settings.caCrl || credential ? {} : { crl: settings.caCrl }),
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
