/**
 * Names that proxies see all day, in order of how often. Names found here need no check and no lower-casing, and come
 * out as the same string object each time, which makes comparing them a comparison of pointers.
 */
const common = [
  "host",
  "user-agent",
  "accept",
  "accept-encoding",
  "accept-language",
  "content-type",
  "content-length",
  "content-encoding",
  "connection",
  "keep-alive",
  "date",
  "server",
  "transfer-encoding",
  "te",
  "trailer",
  "upgrade",
  "expect",
  "authorization",
  "cookie",
  "set-cookie",
  "cache-control",
  "etag",
  "last-modified",
  "if-none-match",
  "if-modified-since",
  "location",
  "vary",
  "origin",
  "referer",
  "via",
  "range",
  "content-range",
  "access-control-request-method",
  "access-control-request-headers",
  "access-control-allow-origin",
  "traceparent",
  "tracestate",
  "baggage",
  "grpc-timeout",
  "grpc-status",
  "grpc-message",
  "end-user",
  "x-request-id",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-client-cert",
  "x-envoy-attempt-count",
  "x-envoy-decorator-operation",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-external-address",
  "x-envoy-internal",
  "x-envoy-peer-metadata",
  "x-envoy-peer-metadata-id",
  "x-envoy-upstream-service-time",
];

const known: ReadonlyMap<string, string> = new Map(
  common.flatMap((name) => [
    [name, name],
    [name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase()), name],
  ]),
);

// https://www.rfc-editor.org/rfc/rfc9110#name-tokens
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The lower-case form of a header name; undefined where it is no token. */
export function readHeaderName(raw: string): string | undefined {
  return known.get(raw) ?? (token.test(raw) ? raw.toLowerCase() : undefined);
}
