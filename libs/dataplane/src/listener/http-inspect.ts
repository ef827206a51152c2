/** What the first bytes say about HTTP: a protocol as Envoy's http_inspector names it, none, or not enough bytes. */
export type HttpInspection = "http/1.0" | "http/1.1" | "h2c" | "not-http" | "need-more";

/** A request line is not longer than this; longer ones are not taken for HTTP. */
export const maxRequestLineBytes = 8192;

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/http_inspector */
export function inspectHttp(data: Buffer): HttpInspection {
  if (data.length === 0) return "need-more";
  const compared = Math.min(data.length, preface.length);
  if (data.compare(preface, 0, compared, 0, compared) === 0) {
    if (compared === preface.length) return "h2c";
    // `PRI ` could still be a method; only the whole preface decides.
    return "need-more";
  }
  const end = data.indexOf("\n");
  const line = data
    .subarray(0, end === -1 ? Math.min(data.length, maxRequestLineBytes) : end)
    .toString("latin1");
  const space = line.indexOf(" ");
  const method = space === -1 ? line : line.slice(0, space);
  // RFC 9110: a method is a token.
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/.test(method)) return "not-http";
  if (end === -1) return data.length < maxRequestLineBytes ? "need-more" : "not-http";
  switch (/^\S+ \S+ HTTP\/(1\.[01])\r?$/.exec(line)?.[1]) {
    case "1.0":
      return "http/1.0";
    case "1.1":
      return "http/1.1";
    default:
      return "not-http";
  }
}
