import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeGolden, readDocuments, toYaml, updateMode } from "./index.ts";

const sum = (documents: readonly unknown[]) => ({ sum: (documents as number[]).reduce((a, b) => a + b, 0) });

describeGolden("describeGolden()", { folder: join(import.meta.dirname, "testdata"), run: sum });

describe("updateMode()", () => {
  it("is refused in CI", () => {
    expect(updateMode({})).toBe(false);
    expect(updateMode({ UPDATE_GOLDEN: "1" })).toBe(true);
    expect(() => updateMode({ UPDATE_GOLDEN: "1", CI: "true" })).toThrow("refused where CI is set");
  });
});

describe("readDocuments()", () => {
  it("names file and line of what is no YAML", () => {
    const folder = mkdtempSync(join(tmpdir(), "weft-golden-"));
    const file = join(folder, "bad.in.yaml");
    writeFileSync(file, "a: 1\nb: [\n");
    expect(() => readDocuments(file)).toThrow(/bad\.in\.yaml: .* at line 3/);
    rmSync(folder, { recursive: true });
  });
});

describe("toYaml()", () => {
  it("repeats equal objects and folds nothing", () => {
    const shared = { text: "x ".repeat(100) };
    expect(toYaml([shared, shared])).toBe(`- text: "${shared.text}"\n`.repeat(2));
  });
});
