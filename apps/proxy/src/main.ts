#!/usr/bin/env node
import { parseOptions, UsageError, usage } from "./options.ts";

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === "help") {
    process.stdout.write(usage);
  } else if (options === "version") {
    process.stdout.write("weft-proxy 0.1.0\n");
  } else {
    const { run, validate } = await import("./run.ts");
    if (options.mode === "validate") process.exitCode = validate(options);
    else await run(options);
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`weft-proxy: ${error.message}\n\n${usage}`);
  process.exitCode = 1;
}
