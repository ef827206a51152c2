import { createHmac, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createFakeClock } from "@weft/base";
import fc from "fast-check";
import { PkiError } from "./error.ts";
import { maxJwksBytes, toJwks } from "./jwks.ts";
import { createJwtVerifier, type JwtVerifierOptions, maxTokenBytes, signJwt } from "./jwt.ts";
import { generateKeyPair, type KeyPair } from "./keys.ts";
import { Secret } from "./secret.ts";

const now = Date.UTC(2030, 0, 1);
const issuer = "https://issuer.example";
const content = {
  issuer,
  subject: "system:serviceaccount:default:web",
  audiences: ["istio-ca"],
  issuedAt: now,
  notBefore: now,
  expiresAt: now + 3_600_000,
  id: "1",
};

/** A token put together by hand, as an attacker would. */
function forge(header: object, payload: object, signature: (input: string) => Buffer | string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${Buffer.from(signature(input)).toString("base64url")}`;
}

describe("createJwtVerifier()", () => {
  let keys: KeyPair;
  let rsa: KeyPair;
  let signer: { key: KeyPair["privateKey"]; keyId: string };
  let options: JwtVerifierOptions;
  const payload = { iss: issuer, sub: content.subject, aud: "istio-ca", exp: now / 1000 + 3600 };

  beforeAll(async () => {
    keys = await generateKeyPair();
    rsa = await generateKeyPair({ kind: "rsa", bits: 2048 });
    const ec = toJwks(keys.publicKey);
    signer = { key: keys.privateKey, keyId: ec.keyId };
    const all = [ec, toJwks(rsa.publicKey)].flatMap(({ jwks }) => JSON.parse(jwks).keys);
    options = {
      issuer,
      audiences: ["istio-ca", "other"],
      keys: { kind: "inline", jwks: JSON.stringify({ keys: all }) },
      clock: createFakeClock(now),
    };
  });
  const verify = async (token: string, more: Partial<JwtVerifierOptions> = {}) =>
    (await createJwtVerifier({ ...options, ...more })).verify(new Secret(token));

  it("takes a token that is right, by ECDSA and by RSA", async () => {
    const more = { "kubernetes.io": { namespace: "default" } };
    const claims = await verify(await signJwt({ ...content, more }, signer));
    expect(claims).toMatchObject({
      issuer,
      subject: "system:serviceaccount:default:web",
      audiences: ["istio-ca"],
      expiresAt: now + 3_600_000,
      all: more,
    });
    const { keyId } = toJwks(rsa.publicKey);
    await expect(verify(await signJwt(content, { key: rsa.privateKey, keyId }))).resolves.toBeDefined();
  });

  it.each([
    ["wrong audience", { audiences: ["kubernetes"] }, 'unexpected "aud" claim value'],
    ["no audience", { audiences: [] }, 'unexpected "aud" claim value'],
    ["other issuer", { issuer: "https://other.example" }, 'unexpected "iss" claim value'],
    ["expired", { expiresAt: now - 11_000 }, '"exp" claim timestamp check failed'],
    ["not yet valid", { notBefore: now + 11_000 }, '"nbf" claim timestamp check failed'],
    ["no subject", { subject: "" }, "the token has no subject"],
  ])("refuses a token: %s", async (_name, change, why) => {
    await expect(verify(await signJwt({ ...content, ...change }, signer))).rejects.toThrow(why);
  });

  it("allows clocks to be apart by the leeway, and no more", async () => {
    const early = await signJwt({ ...content, notBefore: now + 10_000 }, signer);
    await expect(verify(early)).resolves.toBeDefined();
    await expect(verify(early, { leewayMs: 0 })).rejects.toThrow("nbf");
    const late = await signJwt({ ...content, expiresAt: now - 9_000 }, signer);
    await expect(verify(late)).resolves.toBeDefined();
    await expect(verify(late, { leewayMs: 0 })).rejects.toThrow("exp");
  });

  it("refuses a token without an end", async () => {
    const { exp: _, ...endless } = payload;
    const token = forge({ alg: "ES256", kid: signer.keyId }, endless, (input) =>
      sign("sha256", Buffer.from(input), { key: keys.privateKey, dsaEncoding: "ieee-p1363" }),
    );
    await expect(verify(token)).rejects.toThrow('missing required "exp" claim');
  });

  it.each(["none", "None", "NONE", "nOnE", ""])("refuses the algorithm %j", async (alg) => {
    await expect(verify(forge({ alg }, payload, () => ""))).rejects.toThrow(PkiError);
    await expect(verify(forge({ alg, kid: signer.keyId }, payload, () => "x"))).rejects.toThrow(PkiError);
  });

  it.each(["HS256", "HS384", "HS512"])(
    "refuses %s with the public key as the secret (algorithm confusion)",
    async (alg) => {
      for (const { publicKey } of [keys, rsa]) {
        const { keyId: kid } = toJwks(publicKey);
        for (const secret of [
          publicKey.export({ format: "pem", type: "spki" }),
          publicKey.export({ format: "der", type: "spki" }),
        ]) {
          const mac = (input: string) =>
            createHmac(`sha${alg.slice(2)}`, secret)
              .update(input)
              .digest();
          await expect(verify(forge({ alg, kid }, payload, mac))).rejects.toThrow(
            '"alg" (Algorithm) Header Parameter value not allowed',
          );
        }
      }
    },
  );

  it("does not look at keys that the token brings along", async () => {
    const own = await generateKeyPair();
    const { keyId: kid, jwks } = toJwks(own.publicKey);
    const [jwk] = JSON.parse(jwks).keys;
    const by = (input: string) =>
      sign("sha256", Buffer.from(input), { key: own.privateKey, dsaEncoding: "ieee-p1363" });
    for (const extra of [
      { jwk },
      { jku: "http://127.0.0.1:1/jwks" },
      { kid, jwk },
      { kid: signer.keyId, jwk },
    ]) {
      await expect(verify(forge({ alg: "ES256", ...extra }, payload, by))).rejects.toThrow(PkiError);
    }
  });

  it("refuses a token whose claims were changed", async () => {
    const [header, , signature] = (await signJwt(content, signer)).split(".");
    const claims = Buffer.from(JSON.stringify({ ...payload, sub: "system:serviceaccount:default:admin" }));
    await expect(verify(`${header}.${claims.toString("base64url")}.${signature}`)).rejects.toThrow(
      "signature verification failed",
    );
  });

  it("refuses a token that is too large, and does not repeat what is in one", async () => {
    await expect(verify("x".repeat(maxTokenBytes + 1))).rejects.toThrow(`allowed are ${maxTokenBytes}`);
    const secretive = await signJwt({ ...content, subject: "hunter2", expiresAt: now - 60_000 }, signer);
    const error = await verify(secretive).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(PkiError);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("hunter2");
  });

  it("throws nothing but its own error", async () => {
    const verifier = await createJwtVerifier(options);
    const valid = await signJwt(content, signer);
    const broken = fc.tuple(fc.nat(valid.length - 1), fc.string({ minLength: 1, maxLength: 1 }));
    const tokens = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(fc.base64String(), { minLength: 3, maxLength: 5 }).map((parts) => parts.join(".")),
      broken.map(([at, put]) => valid.slice(0, at) + put + valid.slice(at + 1)),
    );
    await fc.assert(
      fc.asyncProperty(tokens, async (token) => {
        try {
          await verifier.verify(new Secret(token));
        } catch (error) {
          expect(error).toBeInstanceOf(PkiError);
        }
      }),
    );
  });

  it.each([
    [{ algorithms: ["HS256" as "ES256"] }, "algorithm HS256: allowed are ES256"],
    [{ algorithms: ["none" as "ES256"] }, "algorithm none"],
    [{ audiences: [] }, "at least one audience"],
    [{ issuer: "" }, "an issuer"],
    [{ keys: { kind: "inline", jwks: "{}" } as const }, "the JWKS cannot be read"],
    [{ keys: { kind: "inline", jwks: "[" } as const }, "the JWKS cannot be read"],
    [{ keys: { kind: "url", url: "http://issuer.example/jwks" } as const }, "allowed are https:"],
    [{ keys: { kind: "url", url: "jwks" } as const }, "allowed are https:"],
  ])("refuses settings %j", async (more, why) => {
    await expect(createJwtVerifier({ ...options, ...more })).rejects.toThrow(why);
  });

  describe("with keys from a URL", () => {
    let server: Server;
    let answer: { status: number; body: string; headers?: Record<string, string> };
    let asked = 0;
    let url: string;
    beforeAll(async () => {
      server = createServer((_request, response) => {
        asked++;
        response.writeHead(answer.status, answer.headers).end(answer.body);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
    });
    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });
    const jwks = () => toJwks(keys.publicKey).jwks;

    it("fetches them once, and again for a key it does not know", async () => {
      answer = { status: 200, body: jwks() };
      asked = 0;
      const verifier = await createJwtVerifier({ ...options, keys: { kind: "url", url } });
      expect(asked).toBe(0);
      for (let i = 0; i < 3; i++) await verifier.verify(new Secret(await signJwt(content, signer)));
      expect(asked).toBe(1);
    });

    it.each([
      ["an error", () => ({ status: 500, body: "no" })],
      ["no JSON", () => ({ status: 200, body: "<html>" })],
      ["no key set", () => ({ status: 200, body: "{}" })],
      ["too much", () => ({ status: 200, body: jwks().padEnd(maxJwksBytes + 1) })],
      ["a redirect", () => ({ status: 302, body: "", headers: { location: url } })],
    ])("takes no token while the answer is %s, and does once it is right", async (_name, bad) => {
      const verifier = await createJwtVerifier({ ...options, keys: { kind: "url", url } });
      const token = new Secret(await signJwt(content, signer));
      answer = bad();
      await expect(verifier.verify(token)).rejects.toThrow(PkiError);
      answer = { status: 200, body: jwks() };
      await expect(verifier.verify(token)).resolves.toBeDefined();
    });

    it("reads them from a file", async () => {
      const folder = mkdtempSync(join(tmpdir(), "weft-jwks-"));
      const file = join(folder, "jwks.json");
      const fromFile = { kind: "url", url: pathToFileURL(file).href } as const;
      const verifier = await createJwtVerifier({ ...options, keys: fromFile });
      const token = new Secret(await signJwt(content, signer));
      await expect(verifier.verify(token)).rejects.toThrow(PkiError);
      writeFileSync(file, jwks());
      await expect(verifier.verify(token)).resolves.toBeDefined();
      rmSync(folder, { recursive: true });
    });
  });
});
