import type { ObjectRef, Problem } from "@weft/base";

/** Takes what is wrong with one object. */
export interface Reporter {
  readonly object: ObjectRef;
  /** Something that is valid but that Weft does not carry out. */
  unsupported(path: string, what: string): void;
  /** Something that cannot be carried out as it stands. */
  warn(code: string, path: string, message: string): void;
}

function keyOf({ object, path, code, message }: Problem): string {
  return [object?.kind, object?.namespace, object?.name, path, code, message].join("\n");
}

/** Gathers the problems of a build; the same problem of the same object is kept once. */
export class ProblemList {
  readonly #byKey = new Map<string, Problem>();

  /** A reporter for one object. */
  for(object: ObjectRef): Reporter {
    const add = (code: string, path: string, message: string) => {
      this.addAll([{ severity: "warning", code, path, message, object }]);
    };
    return {
      object,
      unsupported: (path, what) =>
        add("unsupported-field", path, `${what} is not supported and has no effect`),
      warn: add,
    };
  }

  /** Takes over problems that were found before. */
  addAll(problems: readonly Problem[]): void {
    for (const problem of problems) this.#byKey.set(keyOf(problem), problem);
  }

  /** All problems, in an order that does not depend on the order they were found in. */
  all(): readonly Problem[] {
    return [...this.#byKey.entries()]
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([, problem]) => problem);
  }
}
