import type { HeaderMap } from "../runtime/headers.ts";
import type { RequestHead } from "../runtime/request.ts";
import type { AuthzChanges, AuthzHeader } from "./decision.ts";

/** True where the request comes out other than it was. */
export function changesRequest(changes: AuthzChanges): boolean {
  return (
    changes.requestHeaders.length > 0 ||
    changes.requestHeadersToRemove.length > 0 ||
    changes.queryToSet.length > 0 ||
    changes.queryToRemove.length > 0
  );
}

/** Does to a request what its authorizer asks. */
export function changeRequest(head: RequestHead, changes: AuthzChanges): void {
  for (const header of changes.requestHeaders) {
    if (!setPseudo(head, header)) applyHeader(head.headers, header);
  }
  for (const name of changes.requestHeadersToRemove) {
    // Without these there would be no request.
    if (!name.startsWith(":") && name !== "host") head.headers.remove(name);
  }
  if (changes.queryToSet.length > 0 || changes.queryToRemove.length > 0)
    head.path = withQuery(head.path, changes);
}

/** True where the header is one that the head keeps for itself. */
function setPseudo(head: RequestHead, { name, value, action }: AuthzHeader): boolean {
  if (!name.startsWith(":") && name !== "host") return false;
  if (action !== "overwrite" && action !== "overwrite-if-exists") return true;
  if (name === ":path" && value.startsWith("/")) head.path = value;
  else if (name === ":authority" || name === "host") head.authority = value;
  return true;
}

/** Sets, adds or appends one header. */
export function applyHeader(headers: HeaderMap, { name, value, action }: AuthzHeader): void {
  switch (action) {
    case "append":
      headers.append(name, value);
      break;
    case "append-if-exists": {
      const before = headers.get(name);
      if (before !== undefined) headers.set(name, `${before},${value}`);
      break;
    }
    case "add-if-absent":
      if (!headers.has(name)) headers.append(name, value);
      break;
    case "overwrite":
      headers.set(name, value);
      break;
    case "overwrite-if-exists":
      if (headers.has(name)) headers.set(name, value);
      break;
  }
}

function withQuery(path: string, { queryToSet, queryToRemove }: AuthzChanges): string {
  const [bare = "", query] = path.split(/\?(.*)/s, 2);
  const parameters = new Map<string, string>();
  for (const part of query?.split("&") ?? []) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    parameters.set(equals < 0 ? part : part.slice(0, equals), equals < 0 ? "" : part.slice(equals + 1));
  }
  for (const [name, value] of queryToSet) parameters.set(encodeURIComponent(name), encodeURIComponent(value));
  for (const name of queryToRemove) parameters.delete(encodeURIComponent(name));
  const text = [...parameters].map(([name, value]) => `${name}=${value}`).join("&");
  return text === "" ? bare : `${bare}?${text}`;
}
