import type { Problem, Severity } from "@weft/base";

/** Gathers what validators find, each at a path below where it stands. */
export interface Findings {
  /** The object is withheld. `code` is stable, for machines; the message says what is wrong and what is allowed. */
  error(path: string, code: string, message: string): void;
  /** The object is used all the same. */
  warn(path: string, code: string, message: string): void;
  /** Findings of a part: `at("http[0]").error("timeout", …)` is at `http[0].timeout`. */
  at(path: string): Findings;
}

/** Findings that go to `problems`, in the order they are made. */
export function createFindings(problems: Problem[], base = ""): Findings {
  const join = (path: string): string => {
    if (base === "" || path === "") return base + path;
    return path.startsWith("[") ? base + path : `${base}.${path}`;
  };
  const add = (severity: Severity) => (path: string, code: string, message: string) => {
    problems.push({ severity, code, path: join(path), message });
  };
  return { error: add("error"), warn: add("warning"), at: (path) => createFindings(problems, join(path)) };
}

/** Runs a check on each item of a list that may be absent, at `name[i]`. */
export function each<T>(
  items: readonly T[] | undefined,
  name: string,
  findings: Findings,
  check: (item: T, findings: Findings, index: number) => void,
): void {
  items?.forEach((item, i) => {
    check(item, findings.at(`${name}[${i}]`), i);
  });
}
