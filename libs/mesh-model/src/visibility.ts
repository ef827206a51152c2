/** Who may see an object: everyone, nobody, or a list of namespaces (`.` already resolved). */
export type Visibility =
  | { readonly kind: "public" }
  | { readonly kind: "none" }
  | { readonly kind: "namespaces"; readonly namespaces: readonly string[] };

const everyone: Visibility = { kind: "public" };
const nobody: Visibility = { kind: "none" };

/**
 * Reads `exportTo`: `*` everyone, `.` the object's own namespace, `~` nobody, else names of namespaces.
 * An absent or empty list means `fallback`, the mesh's default.
 */
export function parseExportTo(
  exportTo: readonly string[] | undefined,
  namespace: string,
  fallback: readonly string[],
): Visibility {
  const list = exportTo !== undefined && exportTo.length > 0 ? exportTo : fallback;
  if (list.includes("*")) return everyone;
  if (list.includes("~")) return nobody;
  const namespaces = [...new Set(list.map((name) => (name === "." ? namespace : name)))].sort();
  return { kind: "namespaces", namespaces };
}

/** Whether a client in `namespace` may see an object of this visibility. */
export function isVisibleTo(visibility: Visibility, namespace: string): boolean {
  switch (visibility.kind) {
    case "public":
      return true;
    case "none":
      return false;
    case "namespaces":
      return visibility.namespaces.includes(namespace);
  }
}
