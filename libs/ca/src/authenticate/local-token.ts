import { randomUUID } from "node:crypto";
import type { Clock } from "@weft/base";
import {
  type Authenticator,
  caAudience,
  createOidcAuthenticator,
  formatServiceAccount,
} from "@weft/identity";
import {
  exportPrivateKey,
  formatWorkloadIdentity,
  generateKeyPair,
  type KeyPair,
  readPrivateKey,
  Secret,
  signJwt,
  toJwks,
} from "@weft/pki";
import { CaError } from "../error.ts";
import type { CaStorage } from "../storage.ts";

/** What a token is for. */
export interface TokenRequest {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** `istio-ca` unless told. */
  readonly audience?: string;
  /** 12 hours unless told, 24 at most. */
  readonly ttlMs?: number;
}

/**
 * Makes the bootstrap tokens of the one-machine mode, where no Kubernetes does. Whoever may read its key may be anybody, so the key is in
 * the CA's own storage; each token is good for one service account and one audience until it expires. As with Kubernetes' own tokens, one
 * may be shown again until then: an agent shows it at every renewal.
 */
export interface TokenAuthority {
  readonly issuer: string;
  /** The public key, for others who verify these tokens. */
  readonly jwks: string;
  issue(request: TokenRequest): Promise<Secret<string>>;
  /** Takes tokens of this authority for one of the audiences. */
  authenticator(audiences: readonly string[]): Promise<Authenticator>;
}

const keyName = "token-key.pem";
const defaultTtlMs = 43_200_000;
const maxTtlMs = 86_400_000;

/** Opens the authority whose key is in the storage; makes the key where there is none. */
export async function openTokenAuthority(options: {
  readonly storage: CaStorage;
  readonly trustDomain: string;
  readonly clock: Clock;
}): Promise<TokenAuthority> {
  const { storage, trustDomain, clock } = options;
  const { privateKey, publicKey } = await openKey(storage);
  const { keyId, jwks } = toJwks(publicKey);
  const issuer = `weft-local:${trustDomain}`;
  return {
    issuer,
    jwks,
    issue: async (request) => {
      const { namespace, serviceAccount, audience = caAudience, ttlMs = defaultTtlMs } = request;
      formatWorkloadIdentity({ trustDomain, namespace, serviceAccount });
      if (!(ttlMs > 0 && ttlMs <= maxTtlMs)) {
        throw new CaError("invalid-request", `token of ${ttlMs} ms: allowed are up to ${maxTtlMs}`);
      }
      const now = clock.now();
      const more = { "kubernetes.io": { namespace, serviceaccount: { name: serviceAccount } } };
      const token = await signJwt(
        {
          issuer,
          subject: formatServiceAccount(namespace, serviceAccount),
          audiences: [audience],
          issuedAt: now,
          notBefore: now,
          expiresAt: now + ttlMs,
          id: randomUUID(),
          more,
        },
        { key: privateKey, keyId },
      );
      return new Secret(token);
    },
    authenticator: (audiences) =>
      createOidcAuthenticator({
        name: "local-token",
        trustDomain,
        issuer,
        audiences,
        keys: { kind: "inline", jwks },
        algorithms: ["ES256"],
        clock,
      }),
  };
}

async function openKey(storage: CaStorage): Promise<KeyPair> {
  const stored = await storage.read(keyName);
  if (stored !== undefined) return readPrivateKey(stored);
  const keys = await generateKeyPair();
  if (await storage.create(keyName, exportPrivateKey(keys.privateKey))) return keys;
  // Another process was first.
  const other = await storage.read(keyName);
  if (other === undefined) throw new CaError("bad-material", `${storage.description}: ${keyName} is gone`);
  return readPrivateKey(other);
}
