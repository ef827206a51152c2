import { resolve } from "node:path";
import type { ListenAddress } from "@weft/discovery";
import { caAudience, readSecretsConfig, type SecretsConfig } from "@weft/identity";
import type { MeshConfig } from "@weft/istio-api";

/** Flags of the channel with TLS. */
export interface SecureFlags {
  readonly tlsCertFile?: string;
  readonly tlsKeyFile?: string;
  readonly caCertFile?: string;
  readonly oidcIssuer?: string;
  readonly oidcJwks?: string;
}

/** The channel with TLS: where it listens, as whom, and whose tokens are taken. */
export interface SecureOptions {
  readonly grpc: ListenAddress;
  readonly secrets: SecretsConfig;
  readonly audiences: readonly string[];
  readonly oidc: { readonly issuer: string; readonly jwksUrl: string } | undefined;
}

/** Account of pilot where nothing says another: Istio's. */
const defaultAccount = "istiod";

/**
 * The channel with TLS, where there is a certificate to be had: --tlsCertFile, --tlsKeyFile and --caCertFile, else what the environment
 * says as for agents (CA_ADDR and so on, FILE_MOUNTED_CERTS; see `readSecretsConfig`). Undefined where neither is given. Throws where a
 * value cannot be used.
 */
export function readSecureOptions(
  flags: SecureFlags,
  grpc: ListenAddress,
  {
    env,
    meshConfig,
  }: { readonly env: Readonly<Record<string, string | undefined>>; readonly meshConfig: MeshConfig },
): SecureOptions | undefined {
  const secrets =
    filesOf(flags) ??
    readSecretsConfig(
      {
        ...env,
        TRUST_DOMAIN: env.TRUST_DOMAIN || meshConfig.trustDomain,
        SERVICE_ACCOUNT: env.SERVICE_ACCOUNT || defaultAccount,
      },
      env.POD_NAMESPACE || meshConfig.rootNamespace,
    );
  if (secrets === undefined) return undefined;
  const audiences = (env.TOKEN_AUDIENCES ?? "").split(",").filter((one) => one !== "");
  return {
    grpc,
    secrets,
    audiences: audiences.length === 0 ? [caAudience] : audiences,
    oidc: oidcOf(flags),
  };
}

function filesOf({ tlsCertFile, tlsKeyFile, caCertFile }: SecureFlags): SecretsConfig | undefined {
  if (tlsCertFile === undefined && tlsKeyFile === undefined && caCertFile === undefined) return undefined;
  if (tlsCertFile === undefined || tlsKeyFile === undefined || caCertFile === undefined) {
    throw new Error("--tlsCertFile, --tlsKeyFile and --caCertFile go together");
  }
  return {
    kind: "files",
    files: {
      certificateChain: resolve(tlsCertFile),
      privateKey: resolve(tlsKeyFile),
      roots: resolve(caCertFile),
    },
  };
}

function oidcOf({ oidcIssuer, oidcJwks }: SecureFlags): SecureOptions["oidc"] {
  if (oidcIssuer === undefined && oidcJwks === undefined) return undefined;
  if (oidcIssuer === undefined || oidcJwks === undefined) {
    throw new Error("--oidc-issuer and --oidc-jwks go together");
  }
  return { issuer: oidcIssuer, jwksUrl: oidcJwks };
}
