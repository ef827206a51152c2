import {
  buildCertificate,
  formatCertificate,
  generateKeyPair,
  parseCertificateDer,
  randomSerial,
} from "@weft/pki";
import { readConfigDump } from "./config-dump.ts";
import { secretTable } from "./secrets.ts";

const now = Date.UTC(2030, 0, 15, 12);
const hour = 3_600_000;

async function certificate(from: number, hours: number): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair();
  const der = buildCertificate(
    {
      serialNumber: randomSerial(),
      subject: { commonName: "root" },
      notBefore: from,
      notAfter: from + hours * hour,
      publicKey,
      use: { kind: "ca" },
    },
    { kind: "self", key: privateKey },
  );
  return formatCertificate({ der });
}

const bytes = (pem: string) => ({ inline_bytes: Buffer.from(pem).toString("base64") });

describe("secretTable()", () => {
  it("shows each certificate of each secret, and whether it holds now", async () => {
    const leaf = await certificate(now - hour, 24);
    const old = await certificate(now - 48 * hour, 24);
    const { secrets } = readConfigDump({
      configs: [
        {
          "@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump",
          dynamic_active_secrets: [
            { name: "default", secret: { tls_certificate: { certificate_chain: bytes(leaf) } } },
            { name: "ROOTCA", secret: { validation_context: { trusted_ca: bytes(leaf + old) } } },
          ],
          dynamic_warming_secrets: [{ name: "kubernetes://shop", secret: { name: "kubernetes://shop" } }],
        },
      ],
    });
    const serial = parseCertificateDer(
      Buffer.from(leaf.split("\n").slice(1, -2).join(""), "base64"),
    ).serialNumber;
    const [head, ...rows] = secretTable(secrets, now)
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/\s{2,}/));
    expect(head).toEqual([
      "RESOURCE NAME",
      "TYPE",
      "STATUS",
      "VALID CERT",
      "SERIAL NUMBER",
      "NOT AFTER",
      "NOT BEFORE",
    ]);
    const times = ["2030-01-16T11:00:00Z", "2030-01-15T11:00:00Z"];
    expect(rows).toEqual([
      ["default", "Cert Chain", "ACTIVE", "true", serial, ...times],
      ["ROOTCA", "CA", "ACTIVE", "true", serial, ...times],
      ["ROOTCA", "CA", "ACTIVE", "false", expect.any(String), "2030-01-14T12:00:00Z", "2030-01-13T12:00:00Z"],
      ["kubernetes://shop", "-", "WARMING", "false", "-", "-", "-"],
    ]);
  });
});
