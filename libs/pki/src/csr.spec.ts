import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { createCsr, maxCsrBytes, parseCsr } from "./csr.ts";
import { PkiError } from "./error.ts";
import { exportPublicKey, generateKeyPair, type KeyPair } from "./keys.ts";
import { formatPem, parsePem } from "./pem.ts";
import { createOpenSsl, type OpenSsl } from "./testing/openssl.ts";

describe("parseCsr()", () => {
  let openssl: OpenSsl;
  let keys: KeyPair;
  beforeAll(async () => {
    openssl = await createOpenSsl();
    keys = await generateKeyPair();
  });
  afterAll(() => openssl.close());
  const request = async (key: readonly string[], ...more: string[]) => {
    await openssl.run("genpkey", "-quiet", ...key, "-out", "key.pem");
    return openssl.run("req", "-new", "-key", "key.pem", "-subj", "/O=Example/CN=web", ...more);
  };
  const ec = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

  it.each([
    ["EC", ec],
    ["P-384", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]],
    ["RSA", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]],
  ])("reads OpenSSL's request: %s", async (_name, key) => {
    const san =
      "subjectAltName=URI:spiffe://td/ns/a/sa/b,DNS:web.example,IP:10.0.0.1,email:a@b.c,otherName:1.2.3;UTF8:x";
    const pem = await request(key, "-addext", san, "-addext", "basicConstraints=critical,CA:TRUE");
    const { publicKey, subject, asked } = parseCsr(pem);
    expect(subject).toBe("O=Example, CN=web");
    expect(asked.subjectAltNames).toEqual({
      uris: ["spiffe://td/ns/a/sa/b"],
      dns: ["web.example"],
      ips: ["10.0.0.1"],
      emails: ["a@b.c"],
      others: 1,
    });
    expect(asked.basicConstraints).toEqual({ ca: true, pathLength: undefined });
    const expected = await readFile(join(openssl.folder, "key.pem"), "utf8");
    await openssl.file("expected.pem", expected);
    const pub = await openssl.run("pkey", "-in", "expected.pem", "-pubout");
    expect(publicKey.export({ format: "pem", type: "spki" })).toBe(pub);
  });

  it("reads one without extensions, and the older label", async () => {
    const pem = await request(ec, "-newhdr");
    expect(pem).toContain("BEGIN NEW CERTIFICATE REQUEST");
    expect(parseCsr(pem).asked.subjectAltNames.uris).toEqual([]);
  });

  it.each([
    ["weak RSA", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], [], "RSA key of 1024 bits"],
    ["another curve", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], [], "secp256k1"],
    ["another algorithm", ["-algorithm", "ED25519"], [], "key of type ed25519"],
    ["SHA-1", ec, ["-sha1"], "signature algorithm 1.2.840.10045.4.1"],
  ])("refuses %s", async (_name, key, more, why) => {
    const pem = await request(key, ...more);
    expect(() => parseCsr(pem)).toThrow(why);
  });

  it("refuses a request that another key signed", async () => {
    const [block] = parsePem(createCsr(keys));
    const der = Buffer.from(block!.der);
    // The last byte belongs to the signature.
    der[der.length - 1]! ^= 1;
    expect(() => parseCsr(formatPem("CERTIFICATE REQUEST", der))).toThrow(PkiError);
    const other = await generateKeyPair();
    const mixed = createCsr({ publicKey: keys.publicKey, privateKey: other.privateKey });
    expect(() => parseCsr(mixed)).toThrow("the request is not signed by the key in it");
  });

  it("refuses names that were changed after signing", () => {
    const pem = createCsr(keys, { names: { uris: ["spiffe://td/ns/a/sa/b"] } });
    const der = Buffer.from(parsePem(pem)[0]!.der);
    der.write("/ns/c/", der.indexOf("/ns/a/"));
    expect(() => parseCsr(formatPem("CERTIFICATE REQUEST", der))).toThrow("not signed by the key");
  });

  it("refuses one that is too large before it reads it", () => {
    expect(() => parseCsr("-".repeat(maxCsrBytes + 1))).toThrow(
      `request of ${maxCsrBytes + 1} bytes, allowed are ${maxCsrBytes}`,
    );
  });

  it("throws nothing but its own error: random and mutated bytes, deep nesting", () => {
    const pem = createCsr(keys, { names: { uris: ["spiffe://td/ns/a/sa/b"] } });
    const valid = parsePem(pem)[0]!.der;
    const mutated = fc
      .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const bytes = Buffer.from(valid);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    const nested = fc.nat(5_000).map((depth) => Buffer.alloc(2 * depth, Buffer.from([0x30, 0x80])));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated, nested), (der) => {
        try {
          parseCsr(formatPem("CERTIFICATE REQUEST", der));
        } catch (error) {
          expect(error).toBeInstanceOf(PkiError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("createCsr()", () => {
  it.each([
    ["EC", undefined],
    ["RSA", { kind: "rsa", bits: 2048 } as const],
  ])("makes a request that OpenSSL verifies: %s", async (_name, kind) => {
    const openssl = await createOpenSsl();
    const keys = await generateKeyPair(kind);
    const uri = "spiffe://td/ns/a/sa/b";
    await openssl.file("web.csr", createCsr(keys, { names: { uris: [uri] } }));
    const text = await openssl.run("req", "-in", "web.csr", "-noout", "-text", "-verify");
    expect(text).toContain("self-signature verify OK");
    expect(text).toContain(`URI:${uri}`);
    expect(exportPublicKey(parseCsr(createCsr(keys)).publicKey).equals(exportPublicKey(keys.publicKey))).toBe(
      true,
    );
    await openssl.close();
  });
});
