/** Where in the user's files a value stands. Lines and columns count from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column?: number;
}

/** Names one configuration object. `namespace` is absent for cluster-scoped kinds. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/** How much a problem matters: an error withholds what it is about, a warning does not. */
export type Severity = "error" | "warning";

/**
 * A user's mistake, as a value: which object, where in it, what is wrong and what is allowed.
 * Never thrown; functions that can find problems return {@link WithProblems}.
 */
export interface Problem {
  readonly severity: Severity;
  /** Stable, kebab-case, for machines: `unknown-field`, `duplicate-subset`. */
  readonly code: string;
  /** Path in the object, as in `spec.http[0].route[1].weight`; empty for the whole object. */
  readonly path: string;
  /** What is wrong and what is allowed; no trailing full stop. */
  readonly message: string;
  readonly object?: ObjectRef;
  readonly position?: SourcePosition;
}

/** A result that goes on: the value as far as it could be made, and what was wrong on the way. */
export interface WithProblems<T> {
  readonly value: T;
  readonly problems: readonly Problem[];
}

/** `Kind namespace/name`, the spelling of object names in every message of Weft. */
export function formatObjectRef(ref: ObjectRef): string {
  return ref.namespace === undefined ? `${ref.kind} ${ref.name}` : `${ref.kind} ${ref.namespace}/${ref.name}`;
}

/** One line for people: `file:line: Kind ns/name: path: message`, leaving out what is not known. */
export function formatProblem(problem: Problem): string {
  const parts: string[] = [];
  if (problem.position) parts.push(`${problem.position.file}:${problem.position.line}`);
  if (problem.object) parts.push(formatObjectRef(problem.object));
  if (problem.path !== "") parts.push(problem.path);
  parts.push(problem.message);
  return parts.join(": ");
}
