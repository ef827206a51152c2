import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";

/** Options of {@link describeGolden}. */
export interface GoldenOptions {
  /** The folder of the pairs `<case>.in.yaml` and `<case>.out.yaml`. */
  readonly folder: string;
  /** Maps the documents of `<case>.in.yaml` to what `<case>.out.yaml` must hold; undefined fields are left out. */
  readonly run: (documents: readonly unknown[], name: string) => unknown | Promise<unknown>;
}

/**
 * Declares one test per golden pair. With UPDATE_GOLDEN=1 the outputs are written instead of compared (refused where
 * CI is set), and outputs without an input are removed; otherwise such outputs fail.
 */
export function describeGolden(title: string, { folder, run }: GoldenOptions): void {
  const update = updateMode(process.env);
  const files = readdirSync(folder);
  const cases = namesOf(files, ".in.yaml");
  const stale = namesOf(files, ".out.yaml").filter((name) => !cases.includes(name));
  describe(title, () => {
    it("has cases, and no output without an input", () => {
      if (update) for (const name of stale) rmSync(join(folder, `${name}.out.yaml`));
      expect(cases).not.toEqual([]);
      expect(update ? [] : stale).toEqual([]);
    });
    it.each(cases)("%s", async (name) => {
      const output = join(folder, `${name}.out.yaml`);
      const text = toYaml(await run(readDocuments(join(folder, `${name}.in.yaml`)), name));
      if (update) writeFileSync(output, text);
      else if (existsSync(output)) expect(text).toBe(readFileSync(output, "utf8"));
      else throw new Error(`no ${name}.out.yaml: UPDATE_GOLDEN=1 writes it, then read it`);
    });
  });
}

/** Every document of a YAML file. @throws with file, line and column where it is no YAML */
export function readDocuments(file: string): readonly unknown[] {
  return parseAllDocuments(readFileSync(file, "utf8")).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`${file}: ${error.message}`);
    return document.toJS() as unknown;
  });
}

/** YAML as the golden outputs hold it: no anchors, no folding of long lines, keys in the order given. */
export function toYaml(value: unknown): string {
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
}

/** Whether UPDATE_GOLDEN asks for new outputs. @throws in CI, where outputs are only ever compared */
export function updateMode(env: Readonly<Record<string, string | undefined>>): boolean {
  if (env.UPDATE_GOLDEN !== "1") return false;
  if (env.CI) throw new Error("UPDATE_GOLDEN is refused where CI is set: update on your machine and commit");
  return true;
}

function namesOf(files: readonly string[], ending: string): string[] {
  return files
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length))
    .sort();
}
