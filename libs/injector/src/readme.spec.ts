import { join } from "node:path";
import { runReadmeExample } from "@weft/testkit";

describe("README.md", () => {
  it("has an example that runs", async () => {
    expect(await runReadmeExample(join(import.meta.dirname, ".."))).toBe("injected\n");
  });
});
