import { isIP } from "node:net";
import { resolve } from "node:path";
import type { Environment, PilotChannelConfig, ProxyConfig } from "@weft/agent";
import type { SecretsConfig } from "@weft/identity";

const rootFileBelow = "./var/run/secrets/istio/root-cert.pem";
const kubernetesRoots = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
/** Who has signed pilot's certificate; Istio's PILOT_CERT_PROVIDER. */
const providers = ["istiod", "kubernetes", "custom", "none"];

/**
 * How pilot is reached: in plain text, or with TLS where ProxyConfig's `controlPlaneAuthPolicy` is MUTUAL_TLS or, where it says nothing,
 * the port is 15012. Then: XDS_ROOT_CA (a file, or SYSTEM), else what PILOT_CERT_PROVIDER stands for; PILOT_SAN, else ISTIOD_SAN, for the
 * name in pilot's certificate; CA_TOKEN_FILE. Throws where a value cannot be used.
 */
export function readPilotChannel(
  env: Environment,
  { discoveryAddress, raw }: Pick<ProxyConfig, "discoveryAddress" | "raw">,
  secrets: SecretsConfig | undefined,
): PilotChannelConfig | undefined {
  const policy = raw.controlPlaneAuthPolicy;
  if (policy !== undefined && policy !== "MUTUAL_TLS" && policy !== "NONE") {
    throw new Error(
      `PROXY_CONFIG.controlPlaneAuthPolicy: ${JSON.stringify(policy)} is not allowed, allowed are MUTUAL_TLS and NONE`,
    );
  }
  if ((policy ?? (/:15012$/.test(discoveryAddress) ? "MUTUAL_TLS" : "NONE")) === "NONE") return undefined;
  const serverName = env.PILOT_SAN || env.ISTIOD_SAN;
  const host = discoveryAddress.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0 && !serverName) {
    throw new Error(
      `discoveryAddress: ${discoveryAddress} is an IP address, which TLS takes for no server's name: use a DNS name, or set PILOT_SAN to one in pilot's certificate`,
    );
  }
  const provider = env.PILOT_CERT_PROVIDER || "istiod";
  if (!providers.includes(provider)) {
    throw new Error(`PILOT_CERT_PROVIDER: ${provider} is not known, allowed are ${providers.join(", ")}`);
  }
  return {
    rootFile: rootFileOf(env, provider, secrets),
    // Only then are the CA's roots those of pilot, too.
    followCa: !env.XDS_ROOT_CA && provider === "istiod",
    ...(serverName ? { serverName } : {}),
    // Whoever has mounted certificates needs no token.
    ...(secrets?.kind === "files"
      ? {}
      : { tokenFile: resolve(env.CA_TOKEN_FILE || "./var/run/secrets/tokens/istio-token") }),
  };
}

function rootFileOf(
  env: Environment,
  provider: string,
  secrets: SecretsConfig | undefined,
): string | undefined {
  const given = env.XDS_ROOT_CA;
  if (given === "SYSTEM") return undefined;
  if (given) return resolve(given);
  switch (provider) {
    case "kubernetes":
      return kubernetesRoots;
    case "custom":
      return resolve("./etc/certs/root-cert.pem");
    case "none":
      return undefined;
    default:
      if (secrets?.kind === "files") return secrets.files.roots;
      // One file says whom to trust, unless told otherwise.
      return secrets?.ca.rootFile ?? resolve(rootFileBelow);
  }
}
