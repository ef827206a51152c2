import { RequestHead } from "../../runtime/request.ts";
import { isAuthority } from "../http1/start-line.ts";
import type { MessageFields } from "./message-fields.ts";

const methodToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** What is wrong with a message: one of its fields, or what it lacks. Envoy's words. */
export type Malformed = "http2.invalid.header.field" | "http2.violation.of.messaging.rule";

const badField = "http2.invalid.header.field";
const badMessage = "http2.violation.of.messaging.rule";

/**
 * The head of a request from its fields, or what is wrong with them. A CONNECT with `:protocol` becomes the
 * upgrade that it stands for, as Envoy has it: a GET, which HTTP/1 upstreams understand.
 * https://www.rfc-editor.org/rfc/rfc9113#section-8.3.1, https://www.rfc-editor.org/rfc/rfc8441
 */
export function buildRequestHead(fields: MessageFields, allowConnect: boolean): RequestHead | Malformed {
  const { method, scheme, path, protocol } = fields;
  const problem = findProblem(fields, allowConnect);
  if (problem !== undefined || method === undefined) return problem ?? badMessage;
  const authority = fields.authority ?? fields.host ?? "";
  const headers = fields.headers();
  const extended = protocol !== undefined;
  const head = new RequestHead(extended ? "GET" : method, path ?? "", authority, "HTTP/2", headers);
  head.scheme = scheme?.toLowerCase() === "https" ? "https" : "http";
  if (extended) {
    head.upgrade = protocol.toLowerCase();
    headers.append("upgrade", protocol);
  } else if (method === "CONNECT") head.upgrade = "connect";
  return head;
}

function findProblem(fields: MessageFields, allowConnect: boolean): Malformed | undefined {
  const { method, scheme, path, protocol, status } = fields;
  const authority = fields.authority ?? fields.host;
  if (fields.malformed || status !== undefined || path === "") return badField;
  if (method !== undefined && !methodToken.test(method)) return badField;
  if (scheme !== undefined && !/^https?$/i.test(scheme)) return badField;
  if (authority !== undefined && !isAuthority(authority)) return badField;
  if (protocol !== undefined && !(method === "CONNECT" && allowConnect)) return badField;
  if (method === undefined || authority === undefined) return badMessage;
  if (method === "CONNECT" && protocol === undefined)
    return scheme === undefined && path === undefined ? undefined : badMessage;
  return scheme === undefined || path === undefined || !isPath(path, method) ? badMessage : undefined;
}

function isPath(path: string, method: string): boolean {
  return path.startsWith("/") || (path === "*" && method === "OPTIONS");
}

/** The body length that a message declares: -1 where it does not, undefined where it makes no sense. */
export function declaredBytes(value: string | undefined): number | undefined {
  if (value === undefined) return -1;
  return /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}
