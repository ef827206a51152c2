import { join } from "node:path";
import { runReadmeExample } from "@weft/testkit";

describe("README.md", () => {
  it("has an example that runs", async () => {
    expect(await runReadmeExample(join(import.meta.dirname, ".."))).toContain(
      'web.yaml:4: Service default/web: spec.ports[0].port: is the string "http"; it must be an integer\n',
    );
  });
});
