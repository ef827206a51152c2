import type { PathSettings } from "../runtime/http-connection-manager.ts";

/** The outcome of normalization: a path, a redirect to one, or no path at all. */
export type NormalizedPath =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "redirect"; readonly path: string }
  | { readonly kind: "reject"; readonly details: string };

/** Compiles path settings; undefined where paths stay as they are. */
export function compilePathNormalizer(
  settings: PathSettings,
): ((path: string) => NormalizedPath) | undefined {
  const { normalize, mergeSlashes, escapedSlashes } = settings;
  if (!normalize && !mergeSlashes && escapedSlashes === "keep") return undefined;
  return (original) => {
    const query = original.indexOf("?");
    let path = query < 0 ? original : original.slice(0, query);
    let redirect = false;
    if (escapedSlashes !== "keep" && /%2f|%5c/i.test(path)) {
      if (escapedSlashes === "reject") return { kind: "reject", details: "path_normalization_failed" };
      path = path.replace(/%2f/gi, "/").replace(/%5c/gi, "\\");
      redirect = escapedSlashes === "unescape-redirect";
    }
    if (normalize) {
      const canonical = canonicalize(path);
      if (canonical === undefined) return { kind: "reject", details: "path_normalization_failed" };
      path = canonical;
    }
    if (mergeSlashes) path = path.replace(/\/{2,}/g, "/");
    if (query >= 0) path += original.slice(query);
    return { kind: redirect ? "redirect" : "path", path };
  };
}

/**
 * Decodes percent-encoded unreserved characters, turns backslashes into slashes and removes dot segments; a broken
 * encoding stays as it is, as in Envoy. Undefined where a NUL is encoded.
 * https://www.rfc-editor.org/rfc/rfc3986#section-6.2.2
 */
function canonicalize(path: string): string | undefined {
  if (!path.startsWith("/")) return path;
  if (!/[%\\]|\/\.|[^!-~]/.test(path)) return path;
  if (path.includes("%00")) return undefined;
  const decoded = path.replaceAll("\\", "/").replace(/%[0-9a-f]{2}/gi, (code) => {
    const character = String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : code;
  });
  const out: string[] = [];
  const segments = decoded.split("/").slice(1);
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1;
    if (segment === ".") {
      if (last) out.push("");
    } else if (segment === "..") {
      out.pop(); // above the root is the root
      if (last) out.push("");
    } else out.push(segment);
  }
  return `/${out.join("/")}`;
}
