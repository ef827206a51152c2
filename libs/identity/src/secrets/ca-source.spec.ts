import { createFakeClock, type FakeClock } from "@weft/base";
import type { Logger } from "@weft/observability";
import {
  buildCertificate,
  createSigner,
  formatCertificate,
  generateKeyPair,
  parseCertificateDer,
  parseCsr,
  randomSerial,
} from "@weft/pki";
import { renewalDelay, type SecretSource, startCaSource } from "./ca-source.ts";
import type { WorkloadSecrets } from "./workload-secrets.ts";

const identity = "spiffe://cluster.local/ns/default/sa/web";
const hour = 3_600_000;
const start = Date.UTC(2030, 0, 15, 12);

describe("startCaSource()", () => {
  let clock: FakeClock;
  let source: SecretSource | undefined;
  let away: boolean;
  const said: { level: string; message: string; secondsLeft?: number }[] = [];
  const given: WorkloadSecrets[] = [];
  const answered: boolean[] = [];

  beforeEach(() => {
    clock = createFakeClock(start);
    away = false;
    for (const list of [said, given, answered]) list.length = 0;
  });
  afterEach(() => source?.close());

  const log = (level: string) => (details: object, message: string) =>
    said.push({ level, message, ...details });
  const logger = { info: log("info"), warn: log("warn"), error: log("error") } as unknown as Logger;

  async function run(notFor = false) {
    const ca = await generateKeyPair();
    const root = parseCertificateDer(
      buildCertificate(
        {
          serialNumber: randomSerial(),
          subject: { commonName: "root" },
          notBefore: start - hour,
          notAfter: start + 1_000 * hour,
          publicKey: ca.publicKey,
          use: { kind: "ca", pathLength: 0 },
        },
        { kind: "self", key: ca.privateKey },
      ),
    );
    const signer = createSigner(root, ca.privateKey);
    const other = await generateKeyPair();
    source = startCaSource({
      sign: async (csr, validityMs) => {
        if (away) throw new Error("the CA is away");
        const der = buildCertificate(
          {
            serialNumber: randomSerial(),
            names: { uris: [identity] },
            notBefore: clock.now() - 120_000,
            notAfter: clock.now() + validityMs,
            publicKey: notFor ? other.publicKey : parseCsr(csr).publicKey,
            use: { kind: "leaf" },
          },
          signer,
        );
        return { chain: formatCertificate({ der }), roots: formatCertificate(root) };
      },
      identity,
      keyKind: { kind: "ecdsa", curve: "P-256" },
      ttlMs: 24 * hour,
      graceRatio: 0.5,
      graceJitter: 0.01,
      onSecrets: (secrets) => given.push(secrets),
      onRequest: (ok) => answered.push(ok),
      logger,
      clock,
      random: () => 0.5,
    });
    await attempts(1);
  }
  /** Keys are made on other threads: waits for so many answers, and what follows from the last. */
  async function attempts(count: number) {
    while (answered.length < count) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }

  it("renews at half life, each time with a new key", async () => {
    await run();
    expect(given[0]).toMatchObject({ name: identity, notAfter: start + 24 * hour });
    clock.advance(12 * hour - 1);
    await attempts(1);
    expect(answered).toEqual([true]);
    clock.advance(1);
    await attempts(2);
    expect(given).toHaveLength(2);
    expect(given[1]?.privateKey.expose()).not.toBe(given[0]?.privateKey.expose());
    expect(JSON.stringify(given)).not.toContain("PRIVATE KEY");
  });

  it("tries again without the CA, says when the certificate ends, louder near the end, and recovers", async () => {
    await run();
    away = true;
    clock.advance(12 * hour);
    await attempts(2);
    expect(said.at(-1)).toMatchObject({ level: "warn", secondsLeft: 12 * 3600 });
    clock.advance(6 * hour);
    await attempts(3);
    clock.advance(5 * hour);
    await attempts(4);
    expect(said.at(-1)).toMatchObject({ level: "error" });
    expect(said.at(-1)?.message).toContain("cannot be renewed, it stays in use until it expires");
    clock.advance(2 * hour);
    await attempts(5);
    expect(said.at(-1)?.message).toContain("has expired and cannot be renewed");
    expect(given).toHaveLength(1);
    away = false;
    clock.advance(60_000);
    await attempts(6);
    expect(given).toHaveLength(2);
  });

  it("asks anew soon when told that the roots are other ones", async () => {
    await run();
    source?.refresh();
    clock.advance(1_000);
    await attempts(2);
    expect(given).toHaveLength(2);
  });

  it("gives nobody a certificate for another key", async () => {
    await run(true);
    expect([given, answered]).toEqual([[], [false]]);
    expect(said[0]).toMatchObject({
      level: "warn",
      reason: `the certificate of ${identity} is not for the key beside it`,
    });
  });
});

describe("renewalDelay()", () => {
  it.each([
    [0.5, 0.01, 0, 510],
    [0.5, 0.01, 0.9999999, 490],
    [0.5, 0, 0.3, 500],
    [1, 0.5, 0.9, 0],
    [0, 0.5, 0, 1000],
  ])("with ratio %d, jitter %d and random %d is %d of 1000", (graceRatio, graceJitter, random, delay) => {
    expect(renewalDelay(1000, { graceRatio, graceJitter, random: () => random })).toBeCloseTo(delay, 3);
  });
});
