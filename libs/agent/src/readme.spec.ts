import { join } from "node:path";
import { runReadmeExample } from "@weft/testkit";

describe("README.md", () => {
  it("has an example that runs", async () => {
    expect(await runReadmeExample(join(import.meta.dirname, ".."))).toContain(
      "sidecar~127.1.0.10~web-1.default~default.svc.cluster.local\n",
    );
  });
});
