import { randomUUID } from "node:crypto";
import { generateKeyPair, type KeyPair, signJwt, toJwks } from "@weft/pki";
import { createHttpClient } from "../http-client.ts";
import { until } from "../until.ts";
import type { Check } from "./check.ts";
import { withObjects } from "./check-config.ts";
import { reviewsPath } from "./reviews-versions.ts";

const settleMs = 3_000;
const lifetimeMs = 600_000;
const issuer = "weft-check";

/** A request with a token that its issuer has not signed, or that has expired, is not let in; one without a token is. */
export const wrongJwt: Check = {
  name: "a request with a wrong JWT",
  run: async (mesh) => {
    const [own, other] = await Promise.all([generateKeyPair(), generateKeyPair()]);
    const { keyId, jwks } = toJwks(own.publicKey);
    const sign = ({ privateKey }: KeyPair, issuedAt: number) => signToken(privateKey, keyId, issuedAt);
    const now = Date.now();
    const [good, forged, expired] = await Promise.all([
      sign(own, now),
      sign(other, now),
      sign(own, now - 2 * lifetimeMs),
    ]);
    const client = createHttpClient(1);
    const ask = async (token?: string) => {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      return (await client.get(mesh.url + reviewsPath, headers)).status;
    };
    try {
      const statuses = await withObjects(mesh, [requestAuthentication(jwks)], async () => {
        await until(async () => (await ask(forged)) === 401, {
          timeoutMs: settleMs,
          what: "a forged token to be refused",
        });
        return [await ask(), await ask(good), await ask(forged), await ask(expired)];
      });
      return {
        expected: "none: 200, good: 200, forged: 401, expired: 401",
        seen: ["none", "good", "forged", "expired"]
          .map((what, index) => `${what}: ${statuses[index]}`)
          .join(", "),
        ok: statuses.join() === "200,200,401,401",
      };
    } finally {
      client.close();
    }
  },
};

function signToken(key: KeyPair["privateKey"], keyId: string, issuedAt: number): Promise<string> {
  return signJwt(
    {
      issuer,
      subject: "somebody",
      audiences: ["shop"],
      issuedAt,
      notBefore: issuedAt,
      expiresAt: issuedAt + lifetimeMs,
      id: randomUUID(),
    },
    { key, keyId },
  );
}

function requestAuthentication(jwks: string): object {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "RequestAuthentication",
    metadata: { name: "weft-check", namespace: "default" },
    spec: { selector: { matchLabels: { app: "productpage" } }, jwtRules: [{ issuer, jwks }] },
  };
}
