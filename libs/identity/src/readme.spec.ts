import { join } from "node:path";
import { runReadmeExample } from "@weft/testkit";

describe("README.md", () => {
  it("has an example that does what it says", async () => {
    expect(await runReadmeExample(join(import.meta.dirname, ".."))).toBe(
      "{ kind: 'refused', reasons: [ 'no credentials' ] }\n",
    );
  });
});
