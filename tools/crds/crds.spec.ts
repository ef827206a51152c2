import { execFileSync } from "node:child_process";
import { join } from "node:path";

it("k8s/crds is what libs/istio-api makes", () => {
  const main = join(import.meta.dirname, "main.ts");
  expect(execFileSync(process.execPath, ["--no-warnings", main, "--check"], { encoding: "utf8" })).toBe("");
});
