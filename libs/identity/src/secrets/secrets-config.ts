import { isIP } from "node:net";
import { resolve } from "node:path";
import { parseDuration } from "@weft/base";
import type { SecretsConfig } from "./secrets-source.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const hourMs = 3_600_000;
const minRsaBits = 2048;
const maxRsaBits = 8192;

/**
 * Where a workload's certificate comes from, as the environment says: FILE_MOUNTED_CERTS (`./etc/certs`), else CA_ADDR with CA_ROOT_CA, CA_TOKEN_FILE, ISTIOD_SAN,
 * TRUST_DOMAIN, SERVICE_ACCOUNT, SECRET_TTL, SECRET_GRACE_PERIOD_RATIO, SECRET_GRACE_PERIOD_RATIO_JITTER, ECC_SIGNATURE_ALGORITHM
 * and WORKLOAD_RSA_KEY_SIZE. Undefined where neither is set. Throws where a value cannot be used.
 */
export function readSecretsConfig(env: Environment, namespace: string): SecretsConfig | undefined {
  if (env.FILE_MOUNTED_CERTS === "true") {
    const file = (name: string) => resolve("./etc/certs", name);
    return {
      kind: "files",
      files: {
        certificateChain: file("cert-chain.pem"),
        privateKey: file("key.pem"),
        roots: file("root-cert.pem"),
      },
    };
  }
  const address = env.CA_ADDR;
  if (!address) return undefined;
  const serverName = env.ISTIOD_SAN;
  checkAddress(address, serverName);
  const rootFile = env.CA_ROOT_CA || "./var/run/secrets/istio/root-cert.pem";
  return {
    kind: "ca",
    ca: {
      address,
      rootFile: rootFile === "SYSTEM" ? undefined : resolve(rootFile),
      tokenFile: resolve(env.CA_TOKEN_FILE || "./var/run/secrets/tokens/istio-token"),
      ...(serverName ? { serverName } : {}),
    },
    identity: {
      trustDomain: env.TRUST_DOMAIN || "cluster.local",
      namespace,
      serviceAccount: env.SERVICE_ACCOUNT || "default",
    },
    keyKind: keyKindOf(env),
    ttlMs: ttlOf(env),
    graceRatio: ratioOf(env, "SECRET_GRACE_PERIOD_RATIO", 0.5),
    graceJitter: ratioOf(env, "SECRET_GRACE_PERIOD_RATIO_JITTER", 0.01),
  };
}

function checkAddress(address: string, serverName: string | undefined): void {
  const match = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(address);
  const host = match?.[1];
  const port = Number(match?.[2]);
  if (host === undefined || port < 1 || port > 65535) {
    throw new Error(`CA_ADDR: ${address} is no address such as istiod.istio-system.svc:15012`);
  }
  if (isIP(host.replace(/^\[|\]$/g, "")) !== 0 && !serverName) {
    throw new Error(
      `CA_ADDR: ${address} is an IP address, which TLS takes for no server's name: use a DNS name, or set ISTIOD_SAN to one in the CA's certificate`,
    );
  }
}

/** ECDSA P-256, unless RSA is asked for as Istio has it: a size, or an empty algorithm. */
function keyKindOf(env: Environment): Extract<SecretsConfig, { kind: "ca" }>["keyKind"] {
  const size = env.WORKLOAD_RSA_KEY_SIZE;
  const algorithm = env.ECC_SIGNATURE_ALGORITHM;
  if (algorithm !== undefined && algorithm !== "" && algorithm !== "ECDSA") {
    throw new Error(
      `ECC_SIGNATURE_ALGORITHM: ${algorithm} is not known, allowed is ECDSA (or none, for RSA)`,
    );
  }
  if (algorithm === "ECDSA" || (!size && algorithm === undefined)) return { kind: "ecdsa", curve: "P-256" };
  const bits = Number(size || minRsaBits);
  if (Number.isInteger(bits) && bits >= minRsaBits && bits <= maxRsaBits) return { kind: "rsa", bits };
  throw new Error(`WORKLOAD_RSA_KEY_SIZE: ${size} is no size from ${minRsaBits} to ${maxRsaBits}`);
}

function ttlOf(env: Environment): number {
  const ms = env.SECRET_TTL ? parseDuration(env.SECRET_TTL) : 24 * hourMs;
  if (ms !== undefined && ms >= 1_000) return ms;
  throw new Error(`SECRET_TTL: ${env.SECRET_TTL} is no duration of 1s or more`);
}

function ratioOf(env: Environment, name: string, fallback: number): number {
  const value = env[name] ? Number(env[name]) : fallback;
  if (value >= 0 && value <= 1) return value;
  throw new Error(`${name}: ${env[name]} is no number from 0 to 1`);
}
