import type { BuildContext } from "../context.ts";
import { ProblemList } from "../problems.ts";

/** Builds what is the same for all listeners of a proxy once for its view; the problems found are told each time. */
export function oncePerView<T>(
  context: BuildContext,
  variant: string,
  build: (context: BuildContext) => T,
): T {
  const { value, problems } = context.memo.get([context.view], variant, () => {
    const found = new ProblemList();
    return { value: build({ ...context, problems: found }), problems: found.all() };
  });
  context.problems.addAll(problems);
  return value;
}
