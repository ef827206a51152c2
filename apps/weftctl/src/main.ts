#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { Command, CommanderError } from "commander";
import { commands } from "./commands/index.ts";

// What a command imports is compiled once for all runs: generated Envoy types alone take a third of a second.
enableCompileCache();

const program = new Command("weftctl")
  .description("Weft's command line: istioctl's commands and more")
  .showHelpAfterError("(add --help for what is allowed)")
  .exitOverride();
for (const register of commands) register(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // commander has printed its message; help and version end with 0
    process.exitCode = error.exitCode;
  } else {
    process.stderr.write(`weftctl: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
