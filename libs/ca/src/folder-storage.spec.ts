import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret } from "@weft/pki";
import { openFolderStorage } from "./folder-storage.ts";

describe("openFolderStorage()", () => {
  let parent: string;
  let folder: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), "weft-storage-"));
    folder = join(parent, "deep/state");
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  it("keeps entries in files for the owner alone", async () => {
    const storage = await openFolderStorage(folder);
    expect(await storage.read("a.pem")).toBeUndefined();
    await storage.write("a.pem", new Secret("1"));
    await storage.write("a.pem", new Secret("2"));
    expect((await storage.read("a.pem"))?.expose()).toBe("2");
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "a.pem")).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["a.pem"]);
    await storage.remove("a.pem");
    await storage.remove("a.pem");
    expect(readdirSync(folder)).toEqual([]);
  });

  it("lets one of many create an entry", async () => {
    const storage = await openFolderStorage(folder);
    const tries = Array.from({ length: 8 }, (_, index) => storage.create("a", new Secret(`${index}`)));
    const won = (await Promise.all(tries)).flatMap((first, index) => (first ? [`${index}`] : []));
    expect(won).toHaveLength(1);
    expect((await storage.read("a"))?.expose()).toBe(won[0]);
    expect(readdirSync(folder)).toEqual(["a"]);
  });

  it("refuses a file that others may read, and a folder that others may write to", async () => {
    const storage = await openFolderStorage(folder);
    await storage.write("a", new Secret("1"));
    chmodSync(join(folder, "a"), 0o640);
    await expect(storage.read("a")).rejects.toThrow("others may read or write it (mode 640), allowed is 600");
    chmodSync(folder, 0o777);
    await expect(openFolderStorage(folder)).rejects.toThrow("others may write to it (mode 777)");
  });

  it.each(["../a", "a/b", "", ".hidden", "A"])("does not take the name %j", async (name) => {
    const storage = await openFolderStorage(folder);
    await expect(async () => storage.read(name)).rejects.toThrow("no storage name");
  });
});
