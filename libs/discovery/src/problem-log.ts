import { formatProblem, type Problem } from "@weft/base";
import type { Logger } from "@weft/observability";

/** Logs problems once for as long as they stand, whoever has them. */
export interface ProblemLog {
  /** Says what is wrong with `source` now. Logs what is new, and returns it. */
  report(source: object, problems: readonly Problem[]): readonly Problem[];
  /** Says what else is wrong with it. */
  add(source: object, problems: readonly Problem[]): readonly Problem[];
  /** The source is no more, and neither are its problems. */
  forget(source: object): void;
  /** What is wrong now, each problem once. */
  standing(): readonly Problem[];
}

/** Lines that one source keeps in mind; problems beyond it are logged every time. */
const maxKept = 10_000;

/** Creates a {@link ProblemLog}. */
export function createProblemLog(logger: Logger): ProblemLog {
  const bySource = new Map<object, Set<string>>();
  /** How many sources have a line. */
  const standing = new Map<string, { readonly problem: Problem; readonly sources: number }>();
  const add = (source: object, problems: readonly Problem[]): readonly Problem[] => {
    const own = bySource.get(source) ?? new Set();
    const fresh: Problem[] = [];
    for (const problem of problems) {
      const line = formatProblem(problem);
      if (own.has(line)) continue;
      const others = standing.get(line)?.sources ?? 0;
      if (others === 0) {
        logger[problem.severity === "error" ? "error" : "warn"]({ code: problem.code }, line);
        fresh.push(problem);
      }
      if (own.size >= maxKept) continue;
      own.add(line);
      standing.set(line, { problem, sources: others + 1 });
    }
    if (own.size > 0) bySource.set(source, own);
    return fresh;
  };
  const drop = (lines: Iterable<string>) => {
    for (const line of lines) {
      const known = standing.get(line);
      if (known !== undefined && known.sources > 1)
        standing.set(line, { ...known, sources: known.sources - 1 });
      else standing.delete(line);
    }
  };
  return {
    report: (source, problems) => {
      const before = bySource.get(source) ?? [];
      bySource.delete(source);
      const fresh = add(source, problems);
      drop(before);
      return fresh;
    },
    add,
    standing: () => [...standing.values()].map(({ problem }) => problem),
    forget: (source) => {
      drop(bySource.get(source) ?? []);
      bySource.delete(source);
    },
  };
}
