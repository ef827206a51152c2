/** What became of one case of an area. */
export type Outcome =
  | { readonly kind: "passed" }
  /** `difference`: the first difference between what was wanted and what came out, on one line. */
  | { readonly kind: "failed"; readonly difference: string }
  /** Not run, with the reason: what the project does not do yet. */
  | { readonly kind: "unsupported"; readonly reason: string };

/** One case, by an id that is unique in its area and stays the same from run to run. */
export interface CaseResult {
  readonly id: string;
  readonly outcome: Outcome;
}

/** A group of cases, run by the same means. `folder` is its place in a folder of shared/conformance's form. */
export interface Area {
  readonly name: string;
  readonly folder: string;
  run(folder: string): Iterable<CaseResult> | AsyncIterable<CaseResult>;
}

export const passed: Outcome = { kind: "passed" };

/** A failed outcome with its first difference. */
export function failed(difference: string): Outcome {
  return { kind: "failed", difference: difference.replaceAll("\n", "\\n").slice(0, 400) };
}

/** An outcome that says what the project does not do yet. */
export function unsupported(reason: string): Outcome {
  return { kind: "unsupported", reason };
}
