import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Secret } from "@weft/pki";
import { CaError } from "./error.ts";
import type { CaStorage } from "./storage.ts";

/** Opens a folder as storage: it is made with mode 0700 where missing, and holds files of mode 0600. A key that others may read is an error. */
export async function openFolderStorage(folder: string): Promise<CaStorage> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { mode } = await stat(folder);
    if (process.platform !== "win32" && (mode & 0o022) !== 0) {
      throw new Error(`others may write to it (mode ${(mode & 0o777).toString(8)}), allowed is 700`);
    }
  } catch (cause) {
    throw new CaError("bad-material", `folder ${folder}: ${reason(cause)}`, { cause });
  }
  const path = (name: string) => {
    if (!/^[a-z0-9][a-z0-9.-]{0,120}$/.test(name))
      throw new CaError("bad-material", `${name}: no storage name`);
    return join(folder, name);
  };
  return {
    description: `folder ${folder}`,
    read: (name) => readPrivate(path(name)),
    write: async (name, content) => {
      const file = path(name);
      const temporary = await writeTemporary(file, content);
      await rename(temporary, file);
      await syncFolder(folder);
    },
    create: async (name, content) => {
      const file = path(name);
      const temporary = await writeTemporary(file, content);
      try {
        await link(temporary, file);
        await syncFolder(folder);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
        throw error;
      } finally {
        await rm(temporary, { force: true });
      }
    },
    remove: (name) => rm(path(name), { force: true }),
  };
}

async function readPrivate(file: string): Promise<Secret<string> | undefined> {
  try {
    const { mode } = await stat(file);
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      throw new CaError(
        "bad-material",
        `${file}: others may read or write it (mode ${(mode & 0o777).toString(8)}), allowed is 600`,
      );
    }
    return new Secret(await readFile(file, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function writeTemporary(file: string, content: Secret<string>): Promise<string> {
  const temporary = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  const handle = await open(temporary, "wx", 0o600);
  try {
    await handle.writeFile(content.expose());
    await handle.sync();
  } finally {
    await handle.close();
  }
  return temporary;
}

/** Makes a rename last through a loss of power. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
