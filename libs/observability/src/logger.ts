import pino from "pino";
import { formatPretty } from "./pretty.ts";

/** The levels, in Istio's spelling; `none` says nothing at all. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "fatal" | "none";

/**
 * A structured logger: `logger.info({ proxy }, "connected")`, or a message alone. `child({...})` adds fields to every line.
 * The first argument's `err` is written with its stack.
 */
export type Logger = pino.Logger;

/** Settings of {@link createLogger}. */
export interface LoggerOptions {
  /** Who speaks: `pilot-discovery`, `pilot-agent`. */
  readonly component: string;
  /** Lines below it are left out; `info` unless told. */
  readonly level?: LogLevel;
  /** One line for people instead of JSON; by default where the destination is a terminal. */
  readonly pretty?: boolean;
  /** Where lines go; the process's stderr unless told, so that stdout stays free for output. */
  readonly destination?: { write(line: string): void };
}

/** Fields whose values never reach a log, at the top of a line's object and one level down. */
const secretFields = ["password", "token", "authorization", "privateKey", "private_key", "secret", "cookie"];

/** Creates a logger: JSON lines, or single readable lines on a terminal. Secrets are redacted by field name. */
export function createLogger(options: LoggerOptions): Logger {
  const { component, level = "info", pretty = process.stderr.isTTY === true } = options;
  const destination = options.destination ?? process.stderr;
  return pino(
    {
      level: level === "none" ? "silent" : level,
      base: { component },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: "message",
      redact: { paths: secretFields.flatMap((name) => [name, `*.${name}`]), censor: "[redacted]" },
    },
    pretty
      ? { write: (line: string) => destination.write(formatPretty(line)) }
      : { write: (line: string) => destination.write(line) },
  );
}

/** A logger that says nothing; for tests and for libraries that were given none. */
export const silentLogger: Logger = pino({ level: "silent" });

const levels: ReadonlySet<string> = new Set<LogLevel>(["debug", "info", "warn", "error", "fatal", "none"]);

/**
 * Reads Istio's `--log_output_level`: `info`, or `default:warn,xds:debug`. Returns the level of `component`,
 * else that of `default` (or `all`), else `info`; a string that says what is wrong where the text is not of that form.
 */
export function parseLogLevel(text: string, component: string): { level: LogLevel } | { problem: string } {
  const found = new Map<string, LogLevel>();
  for (const part of text.split(",").filter((piece) => piece !== "")) {
    const colon = part.lastIndexOf(":");
    const scope = colon === -1 ? "default" : part.slice(0, colon);
    const level = part.slice(colon + 1);
    if (!levels.has(level)) {
      return {
        problem: `log level "${part}": unknown level "${level}", allowed are ${[...levels].join(", ")}`,
      };
    }
    found.set(scope === "all" ? "default" : scope, level as LogLevel); // was found in `levels` above
  }
  return { level: found.get(component) ?? found.get("default") ?? "info" };
}
