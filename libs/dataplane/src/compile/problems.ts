import type { Problem } from "@weft/base";

/** Gathers what is wrong while a resource is compiled. */
export class Problems {
  readonly list: Problem[] = [];

  /** What makes the resource be refused. */
  error(path: string, code: string, message: string): void {
    this.list.push({ severity: "error", code, path, message });
  }

  /** What it is taken with all the same. */
  warning(path: string, code: string, message: string): void {
    this.list.push({ severity: "warning", code, path, message });
  }

  add(problems: readonly Problem[]): void {
    this.list.push(...problems);
  }

  get failed(): boolean {
    return this.list.some(({ severity }) => severity === "error");
  }
}

/** A resource compiled; `value` is absent where a problem is an error. */
export interface Compiled<T> {
  readonly value?: T;
  readonly problems: readonly Problem[];
}

/** Closes a compilation: the value counts only where nothing is wrong. */
export function compiled<T>(value: T | undefined, problems: Problems): Compiled<T> {
  return value === undefined || problems.failed
    ? { problems: problems.list }
    : { value, problems: problems.list };
}
