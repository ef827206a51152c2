/** The path of the first place where two values differ, with what was wanted and what came; undefined where none does. */
export function firstDifference(wanted: unknown, got: unknown, path = ""): string | undefined {
  if (!isObject(wanted) || !isObject(got) || Array.isArray(wanted) !== Array.isArray(got))
    return wanted === got ? undefined : `${path}: wanted ${show(wanted)}, got ${show(got)}`;
  for (const key of [...new Set([...Object.keys(wanted), ...Object.keys(got)])]) {
    const difference = firstDifference(wanted[key], got[key], path === "" ? key : `${path}.${key}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object";
}

function show(value: unknown): string {
  return value === undefined ? "nothing" : (JSON.stringify(value) ?? String(value)).slice(0, 150);
}
