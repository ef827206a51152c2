import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakeClock } from "@weft/base";
import { parseCertificates } from "@weft/pki";
import { createCertificateAuthority } from "../authority.ts";
import { createMemoryStorage, start } from "../testing/authority.ts";
import { keepRootFile } from "./root-file.ts";
import { openRootStore } from "./store.ts";

describe("keepRootFile()", () => {
  it("holds all roots to trust, through a rotation, until it is ended", async () => {
    const clock = createFakeClock(start);
    const storage = createMemoryStorage();
    const store = await openRootStore({ storage, trustDomain: "cluster.local", ttlMs: 86_400_000, clock });
    const source = { kind: "self-signed", store } as const;
    const authority = createCertificateAuthority({ trustDomain: "cluster.local", source, clock });
    const folder = mkdtempSync(join(tmpdir(), "weft-roots-"));
    try {
      const file = join(folder, "root-cert.pem");
      const end = keepRootFile(file, authority);
      expect(readFileSync(file, "utf8")).toBe(authority.bundle().pem);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      await authority.rotate("begin");
      expect(parseCertificates(readFileSync(file, "utf8"))).toHaveLength(2);
      await authority.rotate("switch");
      end();
      await authority.rotate("finish");
      expect(parseCertificates(readFileSync(file, "utf8"))).toHaveLength(2);
      expect(readdirSync(folder)).toEqual(["root-cert.pem"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
