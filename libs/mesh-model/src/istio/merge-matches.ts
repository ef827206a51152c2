import type { HTTPMatchRequest, StringMatch } from "@weft/istio-api";

/**
 * The matches of a delegate's route narrowed by those of the root's: each pair that can both hold, merged. Undefined
 * where no pair can, so that the route is never taken. Where one side matches everything, those of the other.
 */
export function mergeMatches(
  root: readonly HTTPMatchRequest[],
  delegate: readonly HTTPMatchRequest[],
): readonly HTTPMatchRequest[] | undefined {
  if (root.length === 0) return delegate;
  if (delegate.length === 0) return root;
  const merged = root.flatMap((outer) =>
    delegate.filter((inner) => !conflicts(outer, inner)).map((inner) => mergeMatch(outer, inner)),
  );
  return merged.length === 0 ? undefined : merged;
}

const stringFields = ["uri", "scheme", "method", "authority"] as const;
const mapFields = ["headers", "withoutHeaders", "queryParams"] as const;

function conflicts(outer: HTTPMatchRequest, inner: HTTPMatchRequest): boolean {
  if (outer.uri && inner.uri && (outer.ignoreUriCase ?? false) !== (inner.ignoreUriCase ?? false))
    return true;
  if (stringFields.some((field) => conflictingStrings(outer[field], inner[field]))) return true;
  for (const field of mapFields) {
    for (const [name, match] of Object.entries(outer[field] ?? {}))
      if (conflictingStrings(match, inner[field]?.[name])) return true;
  }
  const labels = Object.entries(outer.sourceLabels ?? {});
  return (
    differ(outer.port, inner.port) ||
    differ(outer.sourceNamespace, inner.sourceNamespace) ||
    labels.some(([name, value]) => differ(value, inner.sourceLabels?.[name]))
  );
}

function differ<T>(a: T | undefined, b: T | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

/** Whether the delegate's match may not be part of the root's; what regular expressions cover is not worked out. */
function conflictingStrings(outer: StringMatch | undefined, inner: StringMatch | undefined): boolean {
  if (outer === undefined || inner === undefined) return false;
  if (outer.regex !== undefined || inner.regex !== undefined) return true;
  if (outer.exact !== undefined) return inner.exact !== outer.exact;
  const text = inner.exact ?? inner.prefix ?? "";
  return !text.startsWith(outer.prefix ?? "");
}

function mergeMatch(outer: HTTPMatchRequest, inner: HTTPMatchRequest): HTTPMatchRequest {
  const merged = { ...outer, ...inner };
  const name = joinNames(outer.name, inner.name);
  const maps = [...mapFields, "sourceLabels"] as const;
  const both = maps.filter((field) => outer[field] && inner[field]);
  return {
    ...merged,
    ...(name ? { name } : {}),
    ...Object.fromEntries(both.map((field) => [field, { ...outer[field], ...inner[field] }])),
  };
}

/** `root-delegate`, or the one there is. */
export function joinNames(root: string | undefined, delegate: string | undefined): string | undefined {
  return root && delegate ? `${root}-${delegate}` : delegate || root;
}
