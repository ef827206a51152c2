import { generateKeyPairSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { PkiError } from "./error.ts";
import { exportPrivateKey, exportPublicKey, generateKeyPair, keyKindOf, readPrivateKey } from "./keys.ts";
import { Secret } from "./secret.ts";
import { createOpenSsl, type OpenSsl } from "./testing/openssl.ts";

describe("generateKeyPair()", () => {
  it.each([
    [undefined, { kind: "ecdsa", curve: "P-256" }],
    [{ kind: "ecdsa", curve: "P-384" } as const, { kind: "ecdsa", curve: "P-384" }],
    [{ kind: "rsa", bits: 2048 } as const, { kind: "rsa", bits: 2048 }],
  ])("makes %j", async (kind, expected) => {
    const { privateKey, publicKey } = await generateKeyPair(kind);
    expect(keyKindOf(privateKey)).toEqual(expected);
    expect(keyKindOf(publicKey)).toEqual(expected);
  });

  it.each([1024, 2048.5, 16_384])("does not make RSA of %d bits", async (bits) => {
    await expect(generateKeyPair({ kind: "rsa", bits })).rejects.toThrow("allowed are");
  });
});

describe("keyKindOf()", () => {
  it.each([
    ["RSA of 1024 bits", () => generateKeyPairSync("rsa", { modulusLength: 1024 })],
    ["RSA with exponent 3", () => generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 })],
    ["secp256k1", () => generateKeyPairSync("ec", { namedCurve: "secp256k1" })],
    ["Ed25519", () => generateKeyPairSync("ed25519")],
  ])("refuses %s", (_name, make) => {
    expect(() => keyKindOf(make().publicKey)).toThrow(PkiError);
  });
});

describe("readPrivateKey()", () => {
  let openssl: OpenSsl;
  beforeAll(async () => {
    openssl = await createOpenSsl();
  });
  afterAll(() => openssl.close());

  it.each([
    ["SEC 1 with parameters", ["ecparam", "-name", "prime256v1", "-genkey"]],
    ["SEC 1", ["ecparam", "-name", "prime256v1", "-genkey", "-noout"]],
    ["PKCS #8", ["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]],
    ["PKCS #1", ["genrsa", "-traditional", "2048"]],
  ])("reads OpenSSL's %s", async (_name, command) => {
    const [name = "", ...more] = command;
    await openssl.run(name, "-out", "key.pem", ...more);
    const pem = await readFile(join(openssl.folder, "key.pem"), "utf8");
    const { publicKey } = readPrivateKey(new Secret(pem));
    const expected = await openssl.run("pkey", "-in", "key.pem", "-pubout");
    expect(publicKey.export({ format: "pem", type: "spki" })).toBe(expected);
  });

  it("reads what exportPrivateKey writes, which does not show itself", async () => {
    const { privateKey, publicKey } = await generateKeyPair();
    const pem = exportPrivateKey(privateKey);
    expect(inspect({ pem, privateKey })).not.toMatch(/BEGIN|MII|MIG/);
    expect(exportPublicKey(readPrivateKey(pem).publicKey).equals(exportPublicKey(publicKey))).toBe(true);
  });

  it("says nothing of a key that it cannot read", async () => {
    await openssl.run("genrsa", "-aes128", "-passout", "pass:secret", "-out", "locked.pem", "2048");
    const broken = `-----BEGIN PRIVATE KEY-----\n${Buffer.from("hunter2 hunter2").toString("base64")}\n-----END PRIVATE KEY-----\n`;
    expect(() => readPrivateKey(new Secret(broken))).toThrow("the private key (PRIVATE KEY) cannot be read");
    const locked = await readFile(join(openssl.folder, "locked.pem"), "utf8");
    expect(() => readPrivateKey(new Secret(locked))).toThrow("found ENCRYPTED PRIVATE KEY");
  });
});
