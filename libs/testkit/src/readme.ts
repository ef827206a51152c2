import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Runs the first `ts` block of the README.md in a folder, as a module of its own in that folder, and returns what it
 * prints: so that the example stays true.
 * @throws where there is no such block, or it fails or takes longer than ten seconds
 */
export async function runReadmeExample(folder: string): Promise<string> {
  const readme = await readFile(join(folder, "README.md"), "utf8");
  const [, example] = /^```ts\n(.*?)^```$/ms.exec(readme) ?? [];
  if (example === undefined) throw new Error(`${folder}/README.md has no ts block`);
  return new Promise((resolve, reject) => {
    const args = ["--input-type=module-typescript", "--eval", example];
    execFile(process.execPath, args, { cwd: folder, timeout: 10_000 }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(error);
    });
  });
}
