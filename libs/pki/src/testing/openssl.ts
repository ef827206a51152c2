import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** OpenSSL's command line in a folder of its own. */
export interface OpenSsl {
  readonly folder: string;
  /** Runs a command; resolves with both outputs, rejects with them where it fails. */
  run(...args: readonly string[]): Promise<string>;
  /** Writes a file into the folder. */
  file(name: string, content: string): Promise<string>;
  close(): Promise<void>;
}

/** Opens a folder for OpenSSL. */
export async function createOpenSsl(): Promise<OpenSsl> {
  const folder = await mkdtemp(join(tmpdir(), "weft-openssl-"));
  return {
    folder,
    run: (...args) =>
      new Promise((resolve, reject) => {
        execFile("openssl", [...args], { cwd: folder, timeout: 20_000 }, (error, stdout, stderr) => {
          if (error === null) resolve(stdout + stderr);
          else reject(new Error(`openssl ${args.join(" ")}: ${stdout}${stderr}`));
        });
      }),
    file: async (name, content) => {
      const path = join(folder, name);
      await writeFile(path, content);
      return path;
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
