import type { Command } from "commander";
import { registerCa } from "./ca.ts";
import { registerObjectStatus } from "./object-status.ts";
import { registerProxyConfig } from "./proxy-config.ts";
import { registerProxyStatus } from "./proxy-status.ts";
import { registerUp } from "./up.ts";
import { registerXds } from "./xds.ts";

/**
 * Adds one command to the program. It declares names and options only; what the command needs is imported
 * inside its action, so that no command pays for another one's imports.
 */
export type RegisterCommand = (program: Command) => void;

/** The top-level commands, in the order of the help text. */
export const commands: readonly RegisterCommand[] = [
  registerUp,
  registerProxyStatus,
  registerObjectStatus,
  registerProxyConfig,
  registerXds,
  registerCa,
];
