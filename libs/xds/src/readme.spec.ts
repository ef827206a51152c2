import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

describe("README.md", () => {
  it("has an example that does what it says", async () => {
    const folder = join(import.meta.dirname, "..");
    const readme = await readFile(join(folder, "README.md"), "utf8");
    const [, example = ""] = readme.match(/```ts\n(.*?)```/s) ?? [];
    const [, expected] = example.match(/console\.log.*\/\/ (.*)/) ?? [];
    const node = ["--no-warnings", "--input-type=module-typescript", "--eval", example];
    const { stdout } = await promisify(execFile)(process.execPath, node, { cwd: folder });
    expect(stdout.trim()).toBe(expected);
  });
});
