import type { HeaderMap } from "../../runtime/headers.ts";
import { RequestHead } from "../../runtime/request.ts";
import { CodecError } from "../error.ts";
import { type HeadOptions, parseFieldLines } from "./fields.ts";
import { type BodyLength, declaredLength } from "./framing.ts";
import { isAuthority, parseRequestLine, parseTarget } from "./start-line.ts";

/** How a server reads requests. */
export interface RequestHeadOptions extends HeadOptions {
  readonly allowAbsoluteUrl: boolean;
  readonly allowChunkedLength: boolean;
}

/** A request's head, and what of it concerns the connection. */
export interface ReceivedRequest {
  readonly head: RequestHead;
  readonly body: BodyLength;
  /** The client keeps the connection after the response. */
  readonly keepAlive: boolean;
}

/** Reads a request's head; hop-by-hop headers and `host` are taken out of its headers. Throws {@link CodecError}. */
export function parseRequestHead(text: string, options: RequestHeadOptions): ReceivedRequest {
  const lineEnd = text.indexOf("\r\n");
  const { method, target, protocol } = parseRequestLine(text.slice(0, lineEnd));
  const headers = parseFieldLines(text, lineEnd + 2, options);
  const { path, authority } = parseTarget(method, target, options.allowAbsoluteUrl);
  const host = takeHost(headers);
  const head = new RequestHead(method, path, authority ?? host ?? "", protocol, headers);
  if (!isAuthority(head.authority)) throw new CodecError("bad-head", "invalid host");
  head.hostMissing = authority === undefined && host === undefined;
  const declared = declaredLength(headers, options.allowChunkedLength);
  const tokens = takeConnection(headers);
  if (tokens !== undefined) checkNominated(tokens);
  if (method === "CONNECT") head.upgrade = "connect";
  else if (tokens?.includes("upgrade")) head.upgrade = (headers.get("upgrade") ?? "").toLowerCase();
  // An upgrade to HTTP/2 in clear text is never taken; the request goes on without it.
  if (head.upgrade === "h2c") head.upgrade = "";
  if (head.upgrade === "" || head.upgrade === "connect") headers.remove("upgrade");
  const keepAlive =
    protocol === "HTTP/1.1" ? !tokens?.includes("close") : (tokens?.includes("keep-alive") ?? false);
  return { head, body: declared ?? 0, keepAlive };
}

/** Headers that a request may be asked to lose on its way: no more than Envoy allows. */
const maxNominated = 10;
/** What others go by to tell who asks; nobody is to have it removed. */
const notNominated = /^(?:x-forwarded-(?:for|host|proto)$|:)/;

/** As Envoy: refuses a `connection` that names what only proxies may touch. */
function checkNominated(tokens: readonly string[]): void {
  if (tokens.length > maxNominated || tokens.some((token) => notNominated.test(token)))
    throw new CodecError("bad-connection-header", "connection names headers that are not to be removed");
}

/** https://www.rfc-editor.org/rfc/rfc9112#section-3.2-6: more than one is an error. */
function takeHost(headers: HeaderMap): string | undefined {
  const { list } = headers;
  let host: string | undefined;
  for (let i = 0; i < list.length; i += 2) {
    if (list[i] !== "host") continue;
    if (host !== undefined) throw new CodecError("bad-head", "several host headers");
    host = list[i + 1];
  }
  if (host !== undefined) headers.remove("host");
  return host;
}

/** Headers that concern this connection alone, whether `connection` names them or not. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "http2-settings",
]);

/**
 * Removes hop-by-hop headers, those that `connection` names among them; returns the tokens of `connection` in lower
 * case. `te` stays where it asks for trailers, `upgrade` is left to the caller.
 * https://www.rfc-editor.org/rfc/rfc9110#name-connection
 */
export function takeConnection(headers: HeaderMap): readonly string[] | undefined {
  const { list } = headers;
  let found = false;
  for (let i = 0; i < list.length && !found; i += 2) {
    const name = list[i] as string; // names stand at even places
    found = name === "te" || hopByHop.has(name);
  }
  if (!found) return undefined;
  const te = headers.get("te");
  const tokens = headers
    .get("connection")
    ?.toLowerCase()
    .split(/[ \t]*,[ \t]*/);
  for (const token of tokens ?? []) {
    // What is named here could otherwise be used to strip what others rely on.
    if (token !== "upgrade" && token !== "te" && token !== "host") headers.remove(token);
  }
  for (const name of hopByHop) headers.remove(name);
  if (te !== undefined) {
    if (/(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i.test(te)) headers.set("te", "trailers");
    else headers.remove("te");
  }
  return tokens;
}
