import type { Writable } from "node:stream";

/** Output of which the last lines may change: a block that is drawn again in place, under lines that stay. */
export interface LiveView {
  /** Prints a line that stays, above the block. */
  line(text: string): void;
  /** Replaces the block. */
  block(lines: readonly string[]): void;
  /** Leaves the block where it is: what comes next stands below it. */
  settle(): void;
}

/** The part of a terminal that matters here. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** Creates a {@link LiveView}. Where the output is no terminal, each block is printed once more below the one before. */
export function createLiveView(out: Output): LiveView {
  const write = (lines: readonly string[]) => {
    // A line that wraps takes two rows of the terminal, and the next block would start too low.
    const fit = (line: string) => (out.isTTY && out.columns ? line.slice(0, out.columns - 1) : line);
    out.write(lines.map((line) => `${fit(line)}\n`).join(""));
  };
  if (!out.isTTY) {
    return { line: (text) => write([text]), block: (lines) => write([...lines, ""]), settle: () => {} };
  }
  let shown: readonly string[] = [];
  const erase = () => {
    // https://en.wikipedia.org/wiki/ANSI_escape_code#CSI: cursor up, erase to the end of the screen
    if (shown.length > 0) out.write(`\x1b[${shown.length}A\x1b[J`);
  };
  return {
    line: (text) => {
      erase();
      out.write(`${text}\n`);
      write(shown);
    },
    block: (lines) => {
      erase();
      shown = lines;
      write(shown);
    },
    settle: () => {
      shown = [];
    },
  };
}
