import fc from "fast-check";
import {
  formatCertificate,
  parseCertificate,
  parseCertificateDer,
  parseCertificates,
} from "./certificate.ts";
import { verifyCaChain, verifyChain } from "./chain.ts";
import { PkiError } from "./error.ts";
import { makeCa, makeLeaf, now } from "./testing/authority.ts";
import { createOpenSsl } from "./testing/openssl.ts";

const day = 86_400_000;

describe("verifyChain()", () => {
  const options = { intermediates: [], now, purpose: "client" as const };

  it("finds the way through intermediates in any order", async () => {
    const root = await makeCa("root");
    const a = await makeCa("a", { parent: root, template: { use: { kind: "ca", pathLength: 1 } } });
    const b = await makeCa("b", { parent: a, template: { use: { kind: "ca", pathLength: 0 } } });
    const other = await makeCa("other");
    const leaf = await makeLeaf(b);
    const intermediates = [b, other, a].map((one) => one.certificate);
    const chain = verifyChain(leaf, { ...options, intermediates, roots: [root.certificate] });
    expect(chain.map(({ subject }) => subject)).toEqual([
      "",
      "O=example, CN=b",
      "O=example, CN=a",
      "O=example, CN=root",
    ]);
    expect(
      verifyCaChain(b.certificate, { ...options, intermediates, roots: [root.certificate] }),
    ).toHaveLength(3);
  });

  it("tells two roots of one name apart by their signatures", async () => {
    const [one, two] = [await makeCa("root"), await makeCa("root")];
    const leaf = await makeLeaf(two);
    const roots = [one.certificate, two.certificate];
    expect(verifyChain(leaf, { ...options, roots })[1]).toBe(two.certificate);
  });

  it.each([
    ["before its time", now - 2 * day, "not valid before 2030-01-14"],
    ["after its time", now + 2 * day, "expired at 2030-01-16"],
    ["the moment after", now + day + 1, "expired at"],
  ])("refuses a leaf %s", async (_name, at, why) => {
    const root = await makeCa("root");
    const leaf = await makeLeaf(root);
    expect(() => verifyChain(leaf, { ...options, now: at, roots: [root.certificate] })).toThrow(why);
  });

  it("refuses a leaf of another root, also one of the same name", async () => {
    const [root, impostor] = [await makeCa("root"), await makeCa("root")];
    const leaf = await makeLeaf(impostor);
    expect(() => verifyChain(leaf, { ...options, roots: [root.certificate] })).toThrow(
      "did not sign the certificate that names it",
    );
    const stranger = await makeLeaf(await makeCa("stranger"));
    expect(() => verifyChain(stranger, { ...options, roots: [root.certificate] })).toThrow(
      'certificate "spiffe://cluster.local/ns/default/sa/web": no root or intermediate issued it',
    );
  });

  it("refuses what a path length forbids, and a chain that ends without a root", async () => {
    const root = await makeCa("root", { template: { use: { kind: "ca", pathLength: 0 } } });
    const below = await makeCa("below", { parent: root });
    const leaf = await makeLeaf(below);
    const check = (roots: readonly (typeof leaf)[], intermediates: readonly (typeof leaf)[]) =>
      verifyChain(leaf, { ...options, roots, intermediates });
    expect(() => check([root.certificate], [below.certificate])).toThrow("path length allows 0 CAs");
    expect(() => check([], [root.certificate, below.certificate])).toThrow(PkiError);
  });

  it("refuses an expired intermediate under a leaf that is valid", async () => {
    const root = await makeCa("root");
    const made = await makeCa("old", { parent: root, template: { notAfter: now + day } });
    const leaf = await makeLeaf(made);
    const check = () =>
      verifyChain(leaf, {
        ...options,
        roots: [root.certificate],
        // The same CA, whose certificate ended earlier.
        intermediates: [{ ...made.certificate, notAfter: now - 1 }],
      });
    expect(() => check()).toThrow("O=example, CN=old: expired at");
  });

  it("refuses a CA as a leaf, a leaf as an issuer, and another purpose", async () => {
    const root = await makeCa("root");
    const roots = [root.certificate];
    expect(() => verifyChain(root.certificate, { ...options, roots })).toThrow("a CA, not a leaf");
    const leaf = await makeLeaf(root);
    expect(() => verifyCaChain(leaf, { ...options, roots })).toThrow("not a CA");
    expect(() => verifyChain({ ...leaf, extendedKeyUsage: ["1.2"] }, { ...options, roots })).toThrow(
      "does not allow TLS client authentication",
    );
    expect(() => verifyChain({ ...leaf, extendedKeyUsage: undefined }, { ...options, roots })).toThrow(
      "does not allow TLS client authentication",
    );
    expect(() => verifyChain(leaf, { ...options, roots: [{ ...root.certificate, keyUsage: 1 }] })).toThrow(
      "does not allow signing certificates",
    );
  });

  it("refuses SHA-1, and critical extensions that it does not understand", async () => {
    const openssl = await createOpenSsl();
    const self = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const make = async (...more: string[]) =>
      parseCertificate(
        /-----BEGIN CERT.*-----END CERTIFICATE-----\n/s.exec(
          await openssl.run(...self, "-keyout", "k.pem", "-subj", "/CN=x", "-days", "9", ...more),
        )![0],
      );
    const weak = await make("-sha1");
    const at = weak.notBefore;
    expect(() => verifyCaChain(weak, { roots: [weak], intermediates: [], now: at })).toThrow(
      "signature algorithm 1.2.840.10045.4.1 is not taken",
    );
    await openssl.file(
      "min.cnf",
      "[req]\ndistinguished_name=dn\n[dn]\n[v3]\nbasicConstraints=critical,CA:TRUE\nnameConstraints=critical,permitted;DNS:example.org\n",
    );
    const limited = await make("-config", "min.cnf", "-extensions", "v3");
    expect(() =>
      verifyCaChain(limited, { roots: [limited], intermediates: [], now: limited.notBefore }),
    ).toThrow("critical extension 2.5.29.30 is not understood");
    await openssl.close();
  });

  it("does bounded work on many certificates of one name", async () => {
    const root = await makeCa("root");
    const many = await Promise.all(Array.from({ length: 8 }, () => makeCa("same")));
    // Each names "same" as its issuer and subject: every order of them is a path to try.
    const leaf = await makeLeaf(many[0]!);
    const started = performance.now();
    expect(() =>
      verifyChain(leaf, {
        ...options,
        roots: [root.certificate],
        intermediates: many.map((one) => one.certificate),
      }),
    ).toThrow(PkiError);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe("parseCertificates()", () => {
  it("throws nothing but its own error", async () => {
    const leaf = await makeLeaf(await makeCa("root"));
    const mutated = fc
      .array(fc.tuple(fc.nat(leaf.der.length - 1), fc.nat(255)), { maxLength: 4 })
      .map((changes) => {
        const bytes = Buffer.from(leaf.der);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), (der) => {
        try {
          parseCertificateDer(der);
        } catch (error) {
          expect(error).toBeInstanceOf(PkiError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("reads lists, and refuses other blocks, further bytes and too much", async () => {
    const root = await makeCa("root");
    const pem = formatCertificate(root.certificate);
    expect(parseCertificates(pem + pem)).toHaveLength(2);
    expect(() => parseCertificates(pem.replaceAll("CERTIFICATE", "X509 CRL"))).toThrow("found X509 CRL");
    expect(() => parseCertificateDer(Buffer.concat([root.certificate.der, Buffer.alloc(1)]))).toThrow(
      PkiError,
    );
    expect(() => parseCertificateDer(Buffer.alloc(40_000))).toThrow("allowed are 32768");
  });
});
