import { grpcStatusNames } from "@weft/base";
import type {
  CorsPolicy,
  HTTPDirectResponse,
  HTTPFaultInjection,
  HTTPRedirect,
  StringMatch as IstioMatch,
} from "@weft/istio-api";
import { durationMs } from "../durations.ts";
import type { Cors, Fault, RouteAction, StringMatch } from "../ir/index.ts";
import type { Reporter } from "../problems.ts";

const redirectCodes = [301, 302, 303, 307, 308] as const;

/** A redirect; ports that the redirect asks to derive are resolved against the port the request came to. */
export function buildRedirect(
  redirect: HTTPRedirect,
  listenPort: number,
  path: string,
  report: Reporter,
): RouteAction {
  const code = redirect.redirectCode ?? 301;
  const status = redirectCodes.find((known) => known === code);
  if (status === undefined)
    report.warn(
      "invalid-redirect-code",
      `${path}.redirectCode`,
      `${code} is no redirect; 301, 302, 303, 307 and 308 are; 301 is used`,
    );
  // Envoy needs no port for FROM_PROTOCOL_DEFAULT: without one, the scheme's own is meant, and left out of the Location.
  const derived = redirect.derivePort === "FROM_REQUEST_PORT" ? listenPort : undefined;
  const port = redirect.port ?? derived;
  return {
    kind: "redirect",
    status: status ?? 301,
    ...(redirect.uri === undefined ? {} : { path: redirect.uri }),
    ...(redirect.prefixRewrite === undefined ? {} : { prefix: redirect.prefixRewrite }),
    ...(redirect.authority === undefined ? {} : { host: redirect.authority }),
    ...(port === undefined ? {} : { port }),
    ...(redirect.scheme === undefined ? {} : { scheme: redirect.scheme }),
  };
}

/** An answer without an upstream. */
export function buildDirectResponse(response: HTTPDirectResponse): RouteAction {
  const { body } = response;
  const content = body?.string ?? (body?.bytes === undefined ? undefined : Buffer.from(body.bytes, "base64"));
  return {
    kind: "direct-response",
    status: response.status,
    ...(content === undefined ? {} : { body: content }),
  };
}

function buildAbort(
  abort: NonNullable<HTTPFaultInjection["abort"]>,
  path: string,
  report: Reporter,
): Fault["abort"] {
  const percent = abort.percentage?.value ?? 0;
  if (abort.httpStatus !== undefined) return { percent, status: { kind: "http", code: abort.httpStatus } };
  if (abort.grpcStatus !== undefined) {
    const code = /^\d+$/.test(abort.grpcStatus)
      ? Number(abort.grpcStatus)
      : grpcStatusNames.indexOf(abort.grpcStatus.toUpperCase());
    if (code >= 0) return { percent, status: { kind: "grpc", code } };
    report.warn(
      "invalid-grpc-status",
      `${path}.grpcStatus`,
      `${abort.grpcStatus} is no gRPC status; it must be a number or a name such as UNAVAILABLE; the abort has no effect`,
    );
    return undefined;
  }
  report.unsupported(path, "an abort without httpStatus or grpcStatus");
  return undefined;
}

/** Faults of a route; a fault without a percentage hits no request. */
export function buildFault(fault: HTTPFaultInjection, path: string, report: Reporter): Fault | undefined {
  const ms = durationMs(fault.delay?.fixedDelay);
  const delay =
    fault.delay === undefined || ms === undefined
      ? undefined
      : { percent: fault.delay.percentage?.value ?? fault.delay.percent ?? 0, ms };
  if (fault.delay?.exponentialDelay !== undefined)
    report.unsupported(`${path}.delay.exponentialDelay`, "exponentialDelay");
  const abort = fault.abort && buildAbort(fault.abort, `${path}.abort`, report);
  if (delay === undefined && abort === undefined) return undefined;
  return { ...(delay ? { delay } : {}), ...(abort ? { abort } : {}) };
}

function toOrigin(match: IstioMatch): StringMatch {
  if (match.prefix !== undefined) return { kind: "prefix", value: match.prefix };
  if (match.regex !== undefined) return { kind: "regex", value: match.regex };
  return { kind: "exact", value: match.exact ?? "" };
}

/** The cross-origin policy of a route. */
export function buildCors(cors: CorsPolicy): Cors {
  const maxAge = durationMs(cors.maxAge);
  const preflights = cors.unmatchedPreflights;
  const deprecated = (cors.allowOrigin ?? []).map((value): StringMatch => ({ kind: "exact", value }));
  return {
    allowOrigins: cors.allowOrigins ? cors.allowOrigins.map(toOrigin) : deprecated,
    allowMethods: cors.allowMethods ?? [],
    allowHeaders: cors.allowHeaders ?? [],
    exposeHeaders: cors.exposeHeaders ?? [],
    ...(maxAge === undefined ? {} : { maxAgeSeconds: Math.floor(maxAge / 1000) }),
    ...(cors.allowCredentials === undefined ? {} : { allowCredentials: cors.allowCredentials }),
    ...(preflights === undefined || preflights === "UNSPECIFIED"
      ? {}
      : { forwardUnmatchedPreflights: preflights === "FORWARD" }),
  };
}
