import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakeClock } from "@weft/base";
import { generateKeyPair, Secret } from "@weft/pki";
import { createCertificateAuthority } from "../authority.ts";
import { type Cacerts, loadCacerts } from "./cacerts.ts";

/** Root and intermediate as an operator makes them, with OpenSSL. */
describe("loadCacerts()", () => {
  let folder: string;
  let files: Cacerts;
  // OpenSSL begins certificates at its own second.
  const now = Date.now() + 60_000;
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: folder, encoding: "utf8", stdio: "pipe" });
  const text = (name: string) => readFileSync(join(folder, name), "utf8");

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "weft-cacerts-"));
    const key = ["-newkey", "rsa:2048", "-nodes"];
    const ca = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
    for (const name of ["root", "other"]) {
      openssl(
        "req",
        "-x509",
        ...key,
        ...ca,
        "-keyout",
        `${name}.key`,
        "-out",
        `${name}.pem`,
        "-subj",
        `/O=Org/CN=${name}`,
        "-days",
        "30",
      );
    }
    writeFileSync(
      join(folder, "ca.cnf"),
      "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
    );
    openssl("req", "-new", ...key, "-keyout", "ca.key", "-out", "ca.csr", "-subj", "/O=Org/CN=intermediate");
    openssl(
      "x509",
      "-req",
      "-in",
      "ca.csr",
      "-CA",
      "root.pem",
      "-CAkey",
      "root.key",
      "-CAcreateserial",
      "-days",
      "20",
      "-extfile",
      "ca.cnf",
      "-out",
      "ca.pem",
    );
    openssl("req", "-new", ...key, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=leaf");
    openssl(
      "x509",
      "-req",
      "-in",
      "leaf.csr",
      "-CA",
      "root.pem",
      "-CAkey",
      "root.key",
      "-CAcreateserial",
      "-days",
      "20",
      "-out",
      "leaf.pem",
    );
    files = {
      caCert: text("ca.pem"),
      caKey: new Secret(text("ca.key")),
      rootCert: text("root.pem"),
      certChain: text("ca.pem") + text("root.pem"),
    };
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("takes an intermediate, and signs what OpenSSL verifies", async () => {
    const material = loadCacerts(files, now);
    const authority = createCertificateAuthority({
      trustDomain: "cluster.local",
      source: { kind: "plugged-in", material },
      clock: createFakeClock(now),
    });
    const { publicKey } = await generateKeyPair();
    const names = { uris: ["spiffe://cluster.local/ns/a/sa/b"] };
    const issued = authority.issue({ publicKey, names, ttlMs: 3_600_000 });
    writeFileSync(join(folder, "issued.pem"), issued.certificate);
    writeFileSync(join(folder, "chain.pem"), issued.intermediates);
    writeFileSync(join(folder, "bundle.pem"), authority.bundle().pem);
    expect(material.intermediates.map(({ subject }) => subject)).toEqual(["O=Org, CN=intermediate"]);
    expect(openssl("verify", "-CAfile", "bundle.pem", "-untrusted", "chain.pem", "issued.pem")).toContain(
      "OK",
    );
    await expect(authority.rotate("begin")).rejects.toThrow("the CA's material was plugged in");
    expect(authority.selfSigned).toBe(false);
  });

  it("takes a root that signs itself, with an empty chain, and several roots", () => {
    const material = loadCacerts(
      {
        caCert: text("root.pem"),
        caKey: new Secret(text("root.key")),
        rootCert: text("other.pem") + text("root.pem"),
        certChain: "",
      },
      now,
    );
    expect(material.intermediates).toEqual([]);
    expect(material.roots).toHaveLength(2);
  });

  it.each<[string, () => Partial<Cacerts>, string]>([
    [
      "another's key",
      () => ({ caKey: new Secret(text("root.key")) }),
      "ca-key.pem and ca-cert.pem: the key is not",
    ],
    ["no key", () => ({ caKey: new Secret("") }), "ca-key.pem: expected one PEM block"],
    [
      "a certificate for the key",
      () => ({ caKey: new Secret(text("ca.pem")) }),
      "ca-key.pem: expected a PEM block",
    ],
    [
      "a leaf",
      () => ({ caCert: text("leaf.pem"), caKey: new Secret(text("leaf.key")) }),
      "may not sign others",
    ],
    [
      "another root",
      () => ({ rootCert: text("other.pem") }),
      "ca-cert.pem, cert-chain.pem and root-cert.pem: ",
    ],
    ["no root", () => ({ rootCert: "" }), "root-cert.pem: there is no certificate"],
    ["rubbish", () => ({ certChain: "-----BEGIN CERTIFICATE-----" }), "cert-chain.pem: PEM block"],
  ])("refuses %s", (_name, change, why) => {
    expect(() => loadCacerts({ ...files, ...change() }, now)).toThrow(why);
  });

  it("refuses what has ended", () => {
    expect(() => loadCacerts(files, now + 25 * 86_400_000)).toThrow("expired at");
    expect(() => loadCacerts(files, now - 86_400_000)).toThrow("not valid before");
  });
});
