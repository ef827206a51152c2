import type { HeaderMap } from "../runtime/headers.ts";
import type { HeaderMutation } from "../runtime/route.ts";
import type { StreamInfo } from "../runtime/stream-info.ts";

/** Line ends and NUL would let a value that was computed from a request write headers of its own. */
const lineBreaks = /[\r\n\0]/g;

/** Applies compiled header changes, in order: each with its removals first, as Envoy does. */
export function mutateHeaders(
  headers: HeaderMap,
  mutations: readonly HeaderMutation[],
  info: StreamInfo,
): void {
  for (const { add, remove } of mutations) {
    for (const name of remove) headers.remove(name);
    for (const { name, value, action, keepEmpty } of add) {
      const text = typeof value === "string" ? value : value(info).replace(lineBreaks, " ");
      if (text === "" && !keepEmpty) continue;
      switch (action) {
        case "append":
          headers.append(name, text);
          break;
        case "add-if-absent":
          if (!headers.has(name)) headers.append(name, text);
          break;
        case "overwrite":
          headers.set(name, text);
          break;
        case "overwrite-if-exists":
          if (headers.has(name)) headers.set(name, text);
          break;
      }
    }
  }
}
