import type { HeaderMap } from "./headers.ts";

/** What matchers and filters may ask of a request's head. Names are lower case; values as received. */
export interface RequestView {
  readonly method: string;
  /** Path with the query, as received or as rewritten so far. */
  readonly path: string;
  /** Host header or :authority, as received. */
  readonly authority: string;
  readonly scheme: "http" | "https";
  /** The value of a header, several joined by `,`; undefined where absent. */
  header(name: string): string | undefined;
  /** What a filter has noted of the request; absent where none has noted anything. */
  metadata?(filter: string): unknown;
}

/** Protocol of a message, spelled as access logs spell it. */
export type HttpProtocol = "HTTP/1.0" | "HTTP/1.1" | "HTTP/2";

/** The head of a request on its way through the filters, which may change it. `host` is not among `headers`. */
export class RequestHead implements RequestView {
  method: string;
  path: string;
  authority: string;
  scheme: "http" | "https" = "http";
  readonly protocol: HttpProtocol;
  /** What the client wants to switch to, in lower case (`websocket`); `connect` for CONNECT; empty for neither. */
  upgrade = "";
  /** True where the request named no authority at all. */
  hostMissing = false;
  readonly headers: HeaderMap;

  constructor(method: string, path: string, authority: string, protocol: HttpProtocol, headers: HeaderMap) {
    this.method = method;
    this.path = path;
    this.authority = authority;
    this.protocol = protocol;
    this.headers = headers;
  }

  /** Pseudo headers by their HTTP/2 names, `host` as `:authority`. */
  header(name: string): string | undefined {
    switch (name) {
      case ":method":
        return this.method;
      case ":path":
        return this.path === "" ? undefined : this.path;
      case ":authority":
      case "host":
        return this.authority;
      case ":scheme":
        return this.scheme;
      default:
        return this.headers.get(name);
    }
  }
}

/** The head of a response on its way back. */
export class ResponseHead {
  status: number;
  readonly headers: HeaderMap;

  constructor(status: number, headers: HeaderMap) {
    this.status = status;
    this.headers = headers;
  }
}
