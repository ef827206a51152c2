import { formatProblem, type Problem } from "@weft/base";
import type { Logger } from "@weft/observability";

/** Logs problems once for as long as they stand. */
export interface ProblemLog {
  /** Begins a new round: what is not reported again in it is forgotten, and would be logged anew. */
  next(): void;
  /** Logs what is new, and returns it. */
  report(problems: readonly Problem[]): readonly Problem[];
}

/** Lines that one round keeps in mind; problems beyond it are logged every time. */
const maxKept = 10_000;

/** Creates a {@link ProblemLog}. */
export function createProblemLog(logger: Logger): ProblemLog {
  let before = new Set<string>();
  let now = new Set<string>();
  return {
    next: () => {
      before = now;
      now = new Set();
    },
    report: (problems) => {
      const fresh: Problem[] = [];
      for (const problem of problems) {
        const line = formatProblem(problem);
        if (!before.has(line) && !now.has(line)) {
          logger[problem.severity === "error" ? "error" : "warn"]({ code: problem.code }, line);
          fresh.push(problem);
        }
        if (now.size < maxKept) now.add(line);
      }
      return fresh;
    },
  };
}
