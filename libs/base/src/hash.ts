import { hash } from "node:crypto";

/** A short content hash (22 characters, base64url, the first 128 bits of SHA-256): equal bytes, equal hash. */
export function contentHash(data: string | Uint8Array): string {
  return hash("sha256", data, "base64url").slice(0, 22);
}

/** JSON with the keys of every object sorted, so that equal values give equal text. */
export function stableStringify(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner === null || typeof inner !== "object" || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}
