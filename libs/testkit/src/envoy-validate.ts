import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EnvoyResources, type JsonRecord, toStaticBootstrap } from "./envoy-bootstrap.ts";
import { peer } from "./peers.ts";

/** What {@link validateWithEnvoy} looks at: a bootstrap as it is, or resources that are put into one. */
export type EnvoyInput =
  | { readonly bootstrap: JsonRecord; readonly resources?: undefined }
  | { readonly resources: EnvoyResources; readonly bootstrap?: undefined };

/**
 * Has real Envoy check a configuration (`envoy --mode validate`), and returns what it says is wrong: nothing where
 * Envoy accepts it. Envoy stops at the first mistake, so one entry is the rule.
 * @throws where there is no Envoy (see `peer`), or Envoy takes longer than 30 seconds
 */
export async function validateWithEnvoy(input: EnvoyInput): Promise<readonly string[]> {
  const envoy = peer("envoy");
  if (envoy === undefined) throw new Error('no envoy here: run "npm run peers"');
  const folder = await mkdtemp(join(tmpdir(), "weft-envoy-"));
  try {
    const file = join(folder, "bootstrap.json");
    await writeFile(file, JSON.stringify(input.bootstrap ?? toStaticBootstrap(input.resources)));
    const { code, stderr } = await run(envoy, ["--mode", "validate", "-c", file, "-l", "critical"]);
    return code === 0 ? [] : violationsIn(stderr);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What Envoy printed, without the time stamps of its log lines. */
function violationsIn(stderr: string): readonly string[] {
  const lines = stderr
    .split("\n")
    .map((line) => line.replace(/^\[[^\]]*\]\[\d+\]\[\w+\]\[\w+\] \[[^\]]*\] /, "").trim());
  const said = [...new Set(lines.filter((line) => line !== ""))];
  return said.length === 0 ? ["Envoy refused the configuration and did not say why"] : said;
}

function run(command: string, args: readonly string[]): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: 30_000, maxBuffer: 1 << 24 }, (error, _stdout, stderr) => {
      if (error === null) resolve({ code: 0, stderr });
      else if (typeof error.code === "number") resolve({ code: error.code, stderr });
      else reject(error);
    });
  });
}
