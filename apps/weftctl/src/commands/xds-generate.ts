import type { Writable } from "node:stream";

/** Options of `weftctl xds generate`. */
export interface XdsGenerateOptions {
  /** Files and folders of YAML, read in this order. */
  readonly config: readonly string[];
  /** xDS node id. */
  readonly node: string;
  /** Node metadata as JSON text. */
  readonly meta: string;
  readonly output: "json" | "yaml";
}

/** Prints the resources a proxy gets; returns the exit code: 1 only where nothing could be generated. */
export async function xdsGenerate(
  options: XdsGenerateOptions,
  _out: Writable,
  problems: Writable,
): Promise<number> {
  problems.write(`weftctl: node ${options.node}: translation is not wired yet\n`);
  return 1;
}
