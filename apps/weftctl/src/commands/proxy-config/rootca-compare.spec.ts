import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildCertificate, formatCertificate, generateKeyPair, randomSerial } from "@weft/pki";
import { createSink, serveJson } from "../../testing/io.ts";
import { compareRootCas } from "./rootca-compare.ts";

async function root(commonName: string): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair();
  const now = Date.now();
  const der = buildCertificate(
    {
      serialNumber: randomSerial(),
      subject: { commonName },
      notBefore: now,
      notAfter: now + 3_600_000,
      publicKey,
      use: { kind: "ca" },
    },
    { kind: "self", key: privateKey },
  );
  return formatCertificate({ der });
}

const dump = (roots: string) => ({
  "/config_dump": {
    configs: [
      {
        "@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump",
        dynamic_active_secrets: [
          {
            name: "ROOTCA",
            secret: {
              validation_context: { trusted_ca: { inline_bytes: Buffer.from(roots).toString("base64") } },
            },
          },
        ],
      },
    ],
  },
});

describe("compareRootCas()", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "weft-roots-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const compare = async (first: string, second: string) => {
    const [a, b] = await Promise.all([serveJson(dump(first)), serveJson(dump(second))]);
    const state = join(folder, "mesh.json");
    const proxies = [
      { name: "web-1.shop", admin: a.address },
      { name: "db-1.shop", admin: b.address },
    ];
    writeFileSync(state, JSON.stringify({ pid: process.pid, proxies }));
    const sink = createSink();
    try {
      await compareRootCas(["web-1.shop", "db-1"], { WEFT_MESH: state }, sink.stream);
      return sink.text();
    } finally {
      await Promise.all([a.close(), b.close()]);
    }
  };

  it("finds a root in common, also while one replaces the other", async () => {
    const [old, next] = [await root("old"), await root("next")];
    const same =
      "Both [web-1.shop] and [db-1.shop] have the identical ROOTCA, theoretically the connectivity between them is available\n";
    expect(await compare(old, old)).toBe(same);
    expect(await compare(old, old + next)).toBe(same);
  });

  it("fails where there is none", async () => {
    await expect(compare(await root("a"), await root("b"))).rejects.toThrow(
      "Both [web-1.shop] and [db-1.shop] have the non identical ROOTCA, theoretically the connectivity between them is unavailable",
    );
    await expect(compare(await root("a"), "")).rejects.toThrow("proxy db-1.shop has no ROOTCA");
  });
});
