import { join } from "node:path";
import { runReadmeExample } from "./index.ts";

describe("README.md", () => {
  it("has an example that runs", async () => {
    expect(await runReadmeExample(join(import.meta.dirname, ".."))).toContain("a b\nb a\n");
  });
});
