import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakeClock } from "@weft/base";
import { createLogger, silentLogger } from "@weft/observability";
import { createMemoryAudit } from "../testing/authority.ts";
import { openAuditFile } from "./audit-file.ts";
import type { AuditEntry } from "./audit-log.ts";
import { createRecorder } from "./recorder.ts";

const refused = (reason: string): AuditEntry => ({ event: "refused", time: 0, reason, peer: "127.0.0.1:1" });

describe("openAuditFile()", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "weft-audit-"));
    file = join(folder, "audit.log");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("appends a line of JSON for each entry, in order, and goes on after a restart", async () => {
    const log = await openAuditFile({ file });
    await Promise.all(Array.from({ length: 50 }, (_, index) => log.write(refused(`${index}\nforged`))));
    await log.close();
    const again = await openAuditFile({ file });
    await again.write({
      event: "issued",
      time: 0,
      identity: "i",
      caller: "c",
      authenticator: "a",
      serialNumber: "1",
      notBefore: 0,
      notAfter: 1_000,
      peer: "p",
    });
    await again.close();
    const lines = readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.slice(0, 50).map(({ reason }) => reason)).toEqual(
      Array.from({ length: 50 }, (_, index) => `${index}\nforged`),
    );
    expect(lines[50]).toMatchObject({
      event: "issued",
      time: "1970-01-01T00:00:00.000Z",
      notAfter: "1970-01-01T00:00:01.000Z",
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await expect(again.write(refused("late"))).rejects.toThrow("is closed");
  });

  it("turns over at its size, and keeps so many older files", async () => {
    const log = await openAuditFile({ file, maxBytes: 1_000, keep: 2 });
    for (let index = 0; index < 60; index++) await log.write(refused(String(index).padStart(100, "0")));
    await log.close();
    expect(readdirSync(folder).sort()).toEqual(["audit.log", "audit.log.1", "audit.log.2"]);
    const all = ["audit.log.2", "audit.log.1", "audit.log"].flatMap((name) =>
      readFileSync(join(folder, name), "utf8").trimEnd().split("\n"),
    );
    const numbers = all.map((line) => Number(JSON.parse(line).reason));
    expect(numbers.at(-1)).toBe(59);
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  });
});

describe("createRecorder()", () => {
  it("leaves refusals out when there are too many, and says how many", () => {
    const clock = createFakeClock();
    const log = createMemoryAudit();
    const recorder = createRecorder({ log, logger: silentLogger, clock });
    for (let index = 0; index < 500; index++) recorder.refused({ reason: "no", peer: "p" });
    expect(log.entries).toHaveLength(100);
    clock.advance(1_000);
    recorder.refused({ reason: "no", peer: "p" });
    expect(log.entries.at(-1)).toMatchObject({ leftOut: 400 });
  });

  it("says to the logger what it takes down", async () => {
    const lines: string[] = [];
    const logger = createLogger({
      component: "citadel",
      pretty: false,
      destination: { write: (line) => lines.push(line) },
    });
    const log = createMemoryAudit();
    const recorder = createRecorder({ log, logger, clock: createFakeClock() });
    const entry = { identity: "i", caller: "c", authenticator: "a", serialNumber: "1" };
    await recorder.issued({ ...entry, notBefore: 0, notAfter: 0, peer: "p" });
    expect(JSON.parse(lines[0]!)).toMatchObject({ ...entry, message: "certificate issued" });
    expect(recorder.recent()).toHaveLength(1);
    log.fail = true;
    await expect(recorder.issued({ ...entry, notBefore: 0, notAfter: 0, peer: "p" })).rejects.toThrow();
    expect(recorder.recent()).toHaveLength(1);
  });
});
