import { buildCertificate, createSigner, randomSerial } from "./build-certificate.ts";
import { formatCertificate, isCa, isSelfSigned, parseCertificate } from "./certificate.ts";
import { generateKeyPair } from "./keys.ts";
import { makeCa, makeLeaf, now } from "./testing/authority.ts";
import { createOpenSsl, type OpenSsl } from "./testing/openssl.ts";

describe("buildCertificate()", () => {
  let openssl: OpenSsl;
  beforeAll(async () => {
    openssl = await createOpenSsl();
  });
  afterAll(() => openssl.close());
  const text = (name: string) => openssl.run("x509", "-in", name, "-noout", "-text");

  it.each([
    ["ECDSA P-256", undefined, "ecdsa-with-SHA256"],
    ["ECDSA P-384", { kind: "ecdsa", curve: "P-384" } as const, "ecdsa-with-SHA384"],
    ["RSA", { kind: "rsa", bits: 2048 } as const, "sha256WithRSAEncryption"],
  ])("makes chains that OpenSSL takes, strictly: %s", async (_name, key, algorithm) => {
    const options = key === undefined ? {} : { key };
    const root = await makeCa("root", options);
    const intermediate = await makeCa("intermediate", {
      ...options,
      parent: root,
      template: { use: { kind: "ca", pathLength: 0 } },
    });
    const leaf = await makeLeaf(intermediate, options);
    await openssl.file("root.pem", formatCertificate(root.certificate));
    await openssl.file("ca.pem", formatCertificate(intermediate.certificate));
    await openssl.file("leaf.pem", formatCertificate(leaf));
    const verify = (purpose: string) =>
      openssl.run(
        ...["verify", "-x509_strict", "-attime", String(now / 1000), "-purpose", purpose],
        ...["-CAfile", "root.pem", "-untrusted", "ca.pem", "leaf.pem"],
      );
    expect(await verify("sslserver")).toContain("leaf.pem: OK");
    expect(await verify("sslclient")).toContain("leaf.pem: OK");
    await expect(verify("crlsign")).rejects.toThrow("unsuitable certificate purpose");

    const leafText = await text("leaf.pem");
    expect(leafText).toContain(`Signature Algorithm: ${algorithm}`);
    expect(leafText).toMatch(/Subject: \n/);
    expect(leafText).toMatch(
      /Subject Alternative Name: critical\s+URI:spiffe:\/\/cluster.local\/ns\/default\/sa\/web\n/,
    );
    expect(leafText).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
    expect(leafText).toMatch(
      key?.kind === "rsa"
        ? /Key Usage: critical\s+Digital Signature, Key Encipherment\n/
        : /Key Usage: critical\s+Digital Signature\n/,
    );
    expect(leafText).toMatch(/TLS Web Server Authentication, TLS Web Client Authentication\n/);
    const caText = await text("ca.pem");
    expect(caText).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0\n/);
    expect(caText).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    const id = /Subject Key Identifier: \s+([0-9A-F:]+)/.exec(caText)?.[1];
    expect(leafText).toMatch(new RegExp(`Authority Key Identifier: \\s+(keyid:)?${id}`));
  });

  it("is read back as it was built", async () => {
    const root = await makeCa("root");
    const names = { uris: ["spiffe://a/b"], dns: ["x.example", "*.y"], ips: ["127.0.0.1", "2001:db8::1"] };
    const serialNumber = Buffer.from("00ff".padEnd(32, "7"), "hex");
    const notAfter = Date.UTC(2055, 1, 2, 3, 4, 5, 678);
    const ca = await makeCa("far", { template: { notAfter: notAfter + 1_000 } });
    const leaf = await makeLeaf(ca, { template: { names, serialNumber, notAfter } });
    expect(leaf).toMatchObject({
      subject: "",
      issuer: "O=example, CN=far",
      serialNumber: "ff".padEnd(30, "7"),
      notBefore: now - 86_400_000,
      notAfter: Date.UTC(2055, 1, 2, 3, 4, 5),
      subjectAltNames: { ...names, emails: [], others: 0 },
      keyUsage: 1,
      extendedKeyUsage: ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
      authorityKeyId: ca.certificate.subjectKeyId,
      unknownCritical: [],
    });
    expect(isCa(leaf)).toBe(false);
    expect(isSelfSigned(root.certificate)).toBe(true);
    expect(isSelfSigned(leaf)).toBe(false);
    expect(parseCertificate(formatCertificate(leaf)).fingerprint).toBe(leaf.fingerprint);
  });

  it.each([
    ["outlive", { notAfter: now + 51 * 86_400_000 }],
    ["end before it begins", { notAfter: now - 2 * 86_400_000 }],
    ["a leaf needs a name", { names: {} }],
    ["serial number must be positive", { serialNumber: new Uint8Array(16) }],
    ["serial number must be positive", { serialNumber: new Uint8Array(20).fill(1) }],
    ["a CA needs a subject", { use: { kind: "ca" } as const }],
  ])("refuses a template: %s", async (why, template) => {
    const root = await makeCa("root");
    await expect(makeLeaf(root, { template })).rejects.toThrow(why);
  });
});

describe("randomSerial()", () => {
  it("gives 128 bits, each time others", () => {
    const serials = new Set(Array.from({ length: 200 }, () => Buffer.from(randomSerial()).toString("hex")));
    expect(serials.size).toBe(200);
    expect([...serials].every((one) => one.length === 32)).toBe(true);
    // The first bit is random too: not a 127-bit number.
    expect([...serials].some((one) => Number.parseInt(one.slice(0, 2), 16) >= 128)).toBe(true);
  });
});

describe("createSigner()", () => {
  it("takes a CA with its own key alone", async () => {
    const root = await makeCa("root");
    const { privateKey } = await generateKeyPair();
    expect(() => createSigner(root.certificate, privateKey)).toThrow("the key is not that of certificate");
    const leaf = await makeLeaf(root);
    expect(() => createSigner(leaf, privateKey)).toThrow("may not sign others");
  });

  it("is what a root is made without", async () => {
    const { privateKey, publicKey } = await generateKeyPair();
    const der = buildCertificate(
      {
        serialNumber: randomSerial(),
        subject: { commonName: "root" },
        notBefore: now,
        notAfter: now + 1_000,
        publicKey,
        use: { kind: "ca" },
      },
      { kind: "self", key: privateKey },
    );
    expect(parseCertificate(formatCertificate({ der })).subject).toBe("CN=root");
  });
});
