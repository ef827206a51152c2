import { RequestHead } from "../../runtime/request.ts";
import { isAuthority } from "../http1/start-line.ts";
import type { MessageFields } from "./message-fields.ts";

const methodToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * The head of a request from its fields; undefined where they make none. A CONNECT with `:protocol` becomes the
 * upgrade that it stands for, as Envoy has it: a GET, which HTTP/1 upstreams understand.
 * https://www.rfc-editor.org/rfc/rfc9113#section-8.3.1, https://www.rfc-editor.org/rfc/rfc8441
 */
export function buildRequestHead(fields: MessageFields, allowConnect: boolean): RequestHead | undefined {
  const { method, scheme, path, protocol } = fields;
  if (fields.malformed || fields.status !== undefined || method === undefined || !methodToken.test(method))
    return undefined;
  const connects = method === "CONNECT";
  if (protocol !== undefined && !(connects && allowConnect)) return undefined;
  const plainConnect = connects && protocol === undefined;
  if (plainConnect) {
    if (scheme !== undefined || path !== undefined || fields.authority === undefined) return undefined;
  } else if (scheme === undefined || path === undefined || !isPath(path, method)) return undefined;
  if (scheme !== undefined && !/^https?$/i.test(scheme)) return undefined;
  const authority = fields.authority ?? fields.host;
  if (authority !== undefined && !isAuthority(authority)) return undefined;
  const headers = fields.headers();
  const head = new RequestHead(
    protocol === undefined ? method : "GET",
    path ?? "",
    authority ?? "",
    "HTTP/2",
    headers,
  );
  head.hostMissing = authority === undefined;
  if (plainConnect) head.upgrade = "connect";
  else if (protocol !== undefined) {
    head.upgrade = protocol.toLowerCase();
    headers.append("upgrade", protocol);
  }
  return head;
}

function isPath(path: string, method: string): boolean {
  return path.startsWith("/") || (path === "*" && method === "OPTIONS");
}

/** The body length that a message declares: -1 where it does not, undefined where it makes no sense. */
export function declaredBytes(value: string | undefined): number | undefined {
  if (value === undefined) return -1;
  return /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}
