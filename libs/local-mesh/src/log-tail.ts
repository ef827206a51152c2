import { readFileSync } from "node:fs";
import type { RunningProcess } from "./processes.ts";

const shownLines = 10;

/** The end of a process's log, for the message that it did not do what it should. */
export function describeLog({ name, logFile, restarts }: RunningProcess): string {
  const lines = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-shownLines);
  const again = restarts === 0 ? "" : ` (started again ${restarts} times)`;
  return `the last lines of ${name}${again}, ${logFile}:\n${lines.map((line) => `    ${line}`).join("\n")}`;
}
