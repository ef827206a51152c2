import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@weft/base";
import type { Logger } from "@weft/observability";
import { exportPrivateKey, generateKeyPair } from "@weft/pki";
import { eventually, mountCertificates, mountedFiles } from "@weft/testkit";
import type { SecretSource } from "./ca-source.ts";
import { startFileSource } from "./file-source.ts";
import type { WorkloadSecrets } from "./workload-secrets.ts";

describe("startFileSource()", () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-files-"));
  const files = mountedFiles(folder);
  const said: string[] = [];
  const log = (details: object, message: string) => said.push(`${message} ${JSON.stringify(details)}`);
  const logger = { info: log, error: log } as unknown as Logger;
  const given: WorkloadSecrets[] = [];
  let source: SecretSource;

  beforeAll(() => {
    const onSecrets = (secrets: WorkloadSecrets) => given.push(secrets);
    source = startFileSource({ files, onSecrets, logger, clock: systemClock });
  });
  afterAll(() => {
    source.close();
    rmSync(folder, { recursive: true });
  });

  /** Has the files looked at now, and gives what is said of them. */
  async function look(): Promise<string | undefined> {
    const before = said.length;
    source.refresh();
    await eventually(() => (said.length > before ? true : undefined));
    return said.at(-1);
  }

  it("says what is missing, takes what fits together, and keeps it where a change does not", async () => {
    await eventually(() => said[0]);
    expect(said[0]).toContain("mounted certificates cannot be used");
    expect(said[0]).toContain("ENOENT");

    await mountCertificates(files, 1);
    expect(await look()).toContain("mounted certificate read");
    expect(given.at(-1)?.certificateChain).toBe(readFileSync(files.certificateChain, "utf8"));
    const count = given.length;

    const { privateKey } = await generateKeyPair();
    writeFileSync(files.privateKey, exportPrivateKey(privateKey).expose());
    expect(await look()).toContain("is not for the key beside it");
    expect(given).toHaveLength(count);
    expect(said.join()).not.toContain("PRIVATE KEY");
  });
});
