import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCaClient } from "@weft/identity";
import {
  createCsr,
  formatWorkloadIdentity,
  generateKeyPair,
  parseCertificates,
  verifyChain,
} from "@weft/pki";
import { findFreePort } from "./addresses.ts";
import { type LocalCitadel, startLocalCitadel } from "./citadel.ts";

let base: string;
let citadel: LocalCitadel;
const web = { name: "web-1", namespace: "shop", serviceAccount: "web" };
const ttlMs = 20_000;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), "weft-citadel-"));
  citadel = await startLocalCitadel({
    address: "127.0.0.1",
    ports: { grpc: await findFreePort("127.0.0.1"), monitoring: await findFreePort("127.0.0.1") },
    folder: join(base, "citadel"),
    auditFile: join(base, "audit.log"),
    logFile: join(base, "citadel.log"),
    certificateTtlMs: ttlMs,
  });
  await citadel.giveTokens([web]);
});
afterEach(async () => {
  await citadel.close();
  rmSync(base, { recursive: true });
});

/** Asks for a certificate with the token of `web`. */
async function ask(identity: { namespace: string; serviceAccount: string }) {
  const { grpc: address, rootFile, serverName } = citadel;
  const sign = createCaClient({ address, rootFile, serverName, tokenFile: citadel.tokenFile(web) });
  const uri = formatWorkloadIdentity({ trustDomain: "cluster.local", ...identity });
  return { uri, signed: await sign(createCsr(await generateKeyPair(), { names: { uris: [uri] } }), ttlMs) };
}

describe("startLocalCitadel()", () => {
  it("gives a pod's token a certificate of its service account, by the root in the file", async () => {
    const { uri, signed } = await ask(web);
    const [leaf, ...intermediates] = parseCertificates(signed.chain);
    const roots = parseCertificates(readFileSync(citadel.rootFile, "utf8"));
    expect(leaf?.subjectAltNames.uris).toEqual([uri]);
    if (leaf !== undefined) verifyChain(leaf, { intermediates, roots, now: Date.now(), purpose: "any" });
    expect((leaf?.notAfter ?? 0) - Date.now()).toBeLessThanOrEqual(ttlMs);
    expect(readFileSync(join(base, "audit.log"), "utf8")).toContain(uri);
  });

  it("gives a stolen token nothing of another namespace", async () => {
    await expect(ask({ namespace: "bank", serviceAccount: "web" })).rejects.toThrow("gave no certificate");
    expect(readFileSync(join(base, "audit.log"), "utf8")).toContain("refused");
  });

  it("keeps its files to itself, and removes its keys at the end", async () => {
    const folder = join(base, "citadel");
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    expect(files.length).toBeGreaterThan(3);
    for (const { parentPath, name } of files)
      expect([name, statSync(join(parentPath, name)).mode & 0o777]).toEqual([name, 0o600]);
    await citadel.close();
    expect(existsSync(folder)).toBe(false);
  });
});
