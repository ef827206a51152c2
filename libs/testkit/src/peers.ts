import { spawnSync } from "node:child_process";
import { findPeer } from "../../../tools/peers/src/locate.ts";

/**
 * The executable of a real peer (`envoy`), from its own variable (`ENVOY_BIN`) or the cache that `npm run peers`
 * fills; undefined where it is missing.
 * @throws where it is missing and WEFT_REQUIRE_PEERS is 1, so that CI cannot skip in silence
 */
export function peer(name: string): string | undefined {
  const executable = findPeer(name);
  if (executable === undefined && process.env.WEFT_REQUIRE_PEERS === "1") {
    throw new Error(`no ${name} here and WEFT_REQUIRE_PEERS is 1: run "npm run peers"`);
  }
  return executable;
}

/** A `describe` whose tests need a real peer; they are skipped, and the title says so, where it is missing. */
export function describeWithPeer(name: string, title: string, tests: (executable: string) => void): void {
  const executable = peer(name);
  if (executable !== undefined) describe(title, () => tests(executable));
  // The tests are still declared, so that they are counted as skipped.
  else describe.skip(`${title} (no ${name} here: npm run peers)`, () => tests(name));
}

/**
 * Whether a command of the system is there (`curl`, `openssl`).
 * @throws where it is missing and WEFT_REQUIRE_PEERS is 1, so that CI cannot skip in silence
 */
export function hasCommand(command: string): boolean {
  const there = spawnSync(command, ["--version"]).error === undefined;
  if (!there && process.env.WEFT_REQUIRE_PEERS === "1") {
    throw new Error(`no ${command} here and WEFT_REQUIRE_PEERS is 1: run tools/peers/debian.sh`);
  }
  return there;
}
