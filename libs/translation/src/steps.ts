/**
 * Work that can be done a small piece at a time: each step takes a fraction of a millisecond, mostly, and the last gives the result. Of a
 * large mesh, a translation takes longer than anything else should have to wait.
 */
export type Steps<T> = Generator<void, T>;

/** Does all of it at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Applies `make` to each item, with a step after every few of them. */
export function* eachInSteps<T, R>(
  items: Iterable<T>,
  make: (item: T) => R | readonly R[],
  every = 32,
): Steps<R[]> {
  const made: R[] = [];
  let count = 0;
  for (const item of items) {
    const result = make(item);
    if (Array.isArray(result)) made.push(...result);
    else made.push(result as R); // no array
    if (++count % every === 0) yield;
  }
  return made;
}
