import { join } from "node:path";
import { runReadmeExample } from "@weft/testkit";

describe("README.md", () => {
  it("has an example that runs", async () => {
    expect(await runReadmeExample(join(import.meta.dirname, ".."))).toContain(
      '5" is not a duration; write a number with a unit, as 5s, 100ms or 1h\nspec.http[0].routes: unknown field; did you mean route?\n',
    );
  });
});
