import type { Clock } from "@weft/base";
import {
  type JwtProvider as JwtProviderMessage,
  JwtProviderSchema,
  type RemoteJwks,
} from "@weft/envoy-api/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { compileString } from "@weft/matching";
import { checkFields } from "../../../compile/check-fields.ts";
import type { CompileEnvironment } from "../../../compile/environment.ts";
import type { Problems } from "../../../compile/problems.ts";
import { decodeStringMatcher } from "../../../compile/route/matchers.ts";
import { readSource } from "../../../compile/tls/data-source.ts";
import { durationMs } from "../../../compile/values.ts";
import {
  compileAudiences,
  importKeys,
  type JwtProvider,
  type KeySource,
  localKeys,
  remoteKeys,
  type TokenLocation,
} from "../../../jwt/index.ts";
import { HeaderMap } from "../../../runtime/headers.ts";
import { RequestHead } from "../../../runtime/request.ts";
import type { StatsScope } from "../../../runtime/stats.ts";

/** Tokens kept as verified, by provider; as many may be configured at most. */
const defaultCacheSize = 500;
const maxCacheSize = 10_000;
const defaultClockSkewS = 60;
/** As Envoy's. */
const defaultCacheMs = 600_000;
const maxJwksBytes = 256 * 1024;

const defaultLocations: readonly TokenLocation[] = [
  { kind: "header", name: "authorization", prefix: "Bearer " },
  { kind: "param", name: "access_token" },
];

/** What providers are compiled with. */
export interface ProviderContext {
  readonly path: string;
  readonly problems: Problems;
  readonly environment: CompileEnvironment;
  /** The scope `….jwt_authn`. */
  readonly stats: StatsScope;
}

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/jwt_authn/v3/config.proto#extensions-filters-http-jwt-authn-v3-jwtprovider */
export function compileProvider(
  name: string,
  message: JwtProviderMessage,
  context: ProviderContext,
): JwtProvider {
  const { path, problems } = context;
  problems.add(checkFields(JwtProviderSchema, message, path));
  const { subjects, maxLifetime, normalizePayloadInMetadata } = message;
  const locations: TokenLocation[] = [
    ...message.fromHeaders.map(({ name: header, valuePrefix }) => ({
      kind: "header" as const,
      name: header.toLowerCase(),
      prefix: valuePrefix,
    })),
    ...message.fromParams.map((param) => ({ kind: "param" as const, name: param })),
    ...message.fromCookies.map((cookie) => ({ kind: "cookie" as const, name: cookie })),
  ];
  return {
    name,
    issuer: message.issuer,
    audiences: compileAudiences(message.audiences),
    subjects: subjects && compileString(decodeStringMatcher(subjects, `${path}.subjects`, problems)),
    requireExpiration: message.requireExpiration,
    maxLifetimeS: maxLifetime && durationMs(maxLifetime, 0) / 1000,
    clockSkewS: message.clockSkewSeconds === 0 ? defaultClockSkewS : message.clockSkewSeconds,
    locations: locations.length === 0 ? defaultLocations : locations,
    keys: compileKeys(message, context),
    forward: message.forward,
    forwardPayloadHeader: message.forwardPayloadHeader.toLowerCase(),
    padForwardPayload: message.padForwardPayloadHeader,
    claimHeaders: message.claimToHeaders.map(({ headerName, claimName }) => ({
      header: headerName.toLowerCase(),
      claim: claimName.split("."),
    })),
    payloadInMetadata: message.payloadInMetadata,
    spaceDelimitedClaims: normalizePayloadInMetadata?.spaceDelimitedClaims ?? [],
    headerInMetadata: message.headerInMetadata,
    failureInMetadata: message.failedStatusInMetadata,
    clearRouteCache: message.clearRouteCache,
  };
}

function compileKeys(message: JwtProviderMessage, context: ProviderContext): KeySource {
  const { path, problems, environment } = context;
  const asked = message.jwtCacheConfig?.jwtCacheSize ?? 0;
  const cacheSize = Math.min(asked === 0 ? defaultCacheSize : asked, maxCacheSize);
  const { jwksSourceSpecifier: source } = message;
  switch (source.case) {
    case "localJwks": {
      const at = `${path}.local_jwks`;
      const text = readSource(source.value, at, environment.tls.readFile, problems);
      const report = (problem: string) => problems.warning(at, "unusable-key", problem);
      const keys = text === undefined ? undefined : importKeys(text, report);
      if (keys === undefined) problems.error(at, "no-keys", "Jwks doesn't have any valid public key");
      return localKeys(keys, cacheSize);
    }
    case "remoteJwks":
      return compileRemote(source.value, cacheSize, context);
    case undefined:
      problems.error(path, "missing", "needs one of remote_jwks, local_jwks");
      return localKeys(undefined, 0);
  }
}

function compileRemote(message: RemoteJwks, cacheSize: number, context: ProviderContext): KeySource {
  const { path, problems, environment, stats } = context;
  const { httpUri, cacheDuration } = message;
  const at = `${path}.remote_jwks.http_uri`;
  const url = URL.parse(httpUri?.uri ?? "");
  if (url === null || !/^https?:$/.test(url.protocol) || httpUri?.httpUpstreamType.case !== "cluster") {
    problems.error(at, "malformed", "needs an http or https URI and a cluster");
    return localKeys(undefined, 0);
  }
  const clock: Clock = environment.clock;
  const succeeded = stats.counter("jwks_fetch_success");
  const failed = stats.counter("jwks_fetch_failed");
  const cluster = httpUri.httpUpstreamType.value;
  return remoteKeys({
    clock,
    cacheSize,
    cacheMs: durationMs(cacheDuration, defaultCacheMs),
    onFetch: (ok) => (ok ? succeeded : failed).inc(),
    fetch: (done) => {
      const head = new RequestHead("GET", url.pathname + url.search, url.host, "HTTP/1.1", new HeaderMap());
      head.scheme = url.protocol === "https:" ? "https" : "http";
      const timeoutMs = durationMs(httpUri.timeout, 0);
      environment.callCluster(cluster, { head, timeoutMs, maxResponseBytes: maxJwksBytes }, (outcome) =>
        done(outcome.kind === "response" && outcome.status === 200 ? outcome.body.toString() : undefined),
      );
    },
  });
}
