// node bench/ca/main.ts [--seconds 3]
// How many CSRs the CA signs in a second on one core: eight callers at a time, each with a token and its CSR, the audit log in a file; all
// but the network. Beside it, in the same run, the crypto library's bare P-256 signature, which is the limit; and with the two verifications besides (of the CSR
// and of the token) that no CA can do without.
import { sign, verify } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "@weft/base";
import {
  createCertificateAuthority,
  createCertificateService,
  createRecorder,
  openAuditFile,
  openFolderStorage,
  openRootStore,
  openTokenAuthority,
} from "@weft/ca";
import { silentLogger } from "@weft/observability";
import { createCsr, generateKeyPair } from "@weft/pki";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "3" } } });
const seconds = Number(values.seconds);
const clock = systemClock;
const callers = 8;
const trustDomain = "cluster.local";

/** How often a second of CPU time of this process does something that each round does so many times: other processes do not count. */
async function rate(times: number, round: () => unknown): Promise<number> {
  for (let warm = 0; warm < 300; warm++) await round();
  const started = performance.now();
  const cpu = process.cpuUsage();
  let rounds = 0;
  while (performance.now() - started < seconds * 1000) {
    await round();
    rounds++;
  }
  const { user, system } = process.cpuUsage(cpu);
  return (rounds * times) / ((user + system) / 1e6);
}

const folder = await mkdtemp(join(tmpdir(), "weft-bench-ca-"));
try {
  const storage = await openFolderStorage(join(folder, "state"));
  const store = await openRootStore({ storage, trustDomain, ttlMs: 86_400_000, clock });
  const authority = createCertificateAuthority({
    trustDomain,
    source: { kind: "self-signed", store },
    clock,
  });
  const tokens = await openTokenAuthority({ storage, trustDomain, clock });
  const token = await tokens.issue({ namespace: "default", serviceAccount: "web" });
  const audit = await openAuditFile({ file: join(folder, "audit.log") });
  const unlimited = { perSecond: 1e9, burst: 1e9 };
  const service = createCertificateService({
    authority,
    authenticators: [await tokens.authenticator(["istio-ca"])],
    impersonation: { accounts: [] },
    ttl: { defaultMs: 3_600_000, maxMs: 3_600_000 },
    limits: { perPeer: unlimited, overall: unlimited, perIdentity: unlimited },
    recorder: createRecorder({ log: audit, logger: silentLogger, clock }),
    clock,
  });
  const keys = await generateKeyPair();
  const csr = createCsr(keys, { names: { uris: ["spiffe://cluster.local/ns/default/sa/web"] } });

  const data = Buffer.alloc(500, 1);
  const signature = sign("sha256", data, keys.privateKey);
  const bare = await rate(1, () => sign("sha256", data, keys.privateKey));
  const crypto = await rate(1, () => {
    sign("sha256", data, keys.privateKey);
    verify("sha256", data, keys.publicKey, signature);
    verify("sha256", data, keys.publicKey, signature);
  });
  const signed = await rate(callers, () =>
    Promise.all(
      Array.from({ length: callers }, () =>
        service.createCertificate({ csr, validitySeconds: 0, credentials: { token }, peer: "bench" }),
      ),
    ),
  );
  await audit.close();
  const lines = [
    `${cpus()[0]?.model.trim()}, Node ${process.version}, one core (CPU time)`,
    `CSRs signed               ${signed.toFixed(0).padStart(7)}/s   goal 500/s`,
    `bare P-256 signatures     ${bare.toFixed(0).padStart(7)}/s   ratio ${(signed / bare).toFixed(3)}`,
    `signature, 2 verifications ${crypto.toFixed(0).padStart(6)}/s   ratio ${(signed / crypto).toFixed(3)}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  if (signed < 500) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true });
}
