import type { HttpProtocol } from "../../runtime/request.ts";
import { CodecError } from "../error.ts";

/** Methods that Envoy takes; others are answered 400. */
const methods: ReadonlySet<string> = new Set(
  (
    "GET POST PUT DELETE HEAD PATCH OPTIONS CONNECT TRACE ACL BIND CHECKOUT COPY LINK LOCK M-SEARCH MERGE " +
    "MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY PROPFIND PROPPATCH PURGE REBIND REPORT SEARCH SOURCE SUBSCRIBE " +
    "UNBIND UNLINK UNLOCK UNSUBSCRIBE"
  ).split(" "),
);

/** The parts of a request line. */
export interface RequestLine {
  readonly method: string;
  readonly target: string;
  /** Anything that is not 1.1 counts as 1.0: it is treated as a peer that knows less. */
  readonly protocol: HttpProtocol;
}

const version = /^HTTP\/\d\.\d$/;
const visible = /^[\x21-\x7e]*$/;

/** Reads a request line, without its line end. https://www.rfc-editor.org/rfc/rfc9112#name-request-line */
export function parseRequestLine(line: string): RequestLine {
  const first = line.indexOf(" ");
  const last = line.lastIndexOf(" ");
  const method = line.slice(0, first);
  if (!methods.has(method)) throw new CodecError("bad-head", "unknown method");
  // HTTP/0.9 has no version at all.
  const target = first === last ? line.slice(first + 1) : line.slice(first + 1, last);
  if (!visible.test(target) || target === "")
    throw new CodecError("invalid-url", "request target is not visible ASCII");
  if (line.endsWith(" HTTP/1.1")) return { method, target, protocol: "HTTP/1.1" };
  if (first !== last && !version.test(line.slice(last + 1)))
    throw new CodecError("bad-head", "invalid HTTP version");
  return { method, target, protocol: "HTTP/1.0" };
}

/** What a request line's target says of path and authority. */
export interface RequestTarget {
  readonly path: string;
  /** Undefined: the `host` header has it. */
  readonly authority: string | undefined;
}

const absolute = /^https?:\/\/([^/?#]+)(.*)$/i;

/** Tells the four forms of a target apart. https://www.rfc-editor.org/rfc/rfc9112#name-request-target */
export function parseTarget(method: string, target: string, allowAbsolute: boolean): RequestTarget {
  if (method === "CONNECT") return { path: "", authority: target };
  if (target.charCodeAt(0) === 47) return { path: target, authority: undefined };
  if (target === "*" && method === "OPTIONS") return { path: target, authority: undefined };
  const match = allowAbsolute ? absolute.exec(target) : null;
  if (match === null) throw new CodecError("invalid-url", "request target is neither a path nor a URL");
  const rest = match[2] as string; // the group matches the empty text too
  // A query or fragment without a path is left to be refused: Envoy takes it for no path either.
  return { path: rest === "" ? "/" : rest, authority: match[1] as string };
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/;

/** Reads the status of a response; the reason phrase is of no use. https://www.rfc-editor.org/rfc/rfc9112#name-status-line */
export function parseStatusLine(line: string): { readonly status: number; readonly protocol: HttpProtocol } {
  const match = statusLine.exec(line);
  if (match === null) throw new CodecError("bad-head", "invalid status line");
  return { status: Number(match[2]), protocol: match[1] === "1" ? "HTTP/1.1" : "HTTP/1.0" };
}

const authority = /^[A-Za-z0-9\-._~%!$&'()*+,;=:@[\]]*$/;

/** True where a text can be an authority. https://www.rfc-editor.org/rfc/rfc3986#section-3.2 */
export function isAuthority(text: string): boolean {
  return authority.test(text);
}
