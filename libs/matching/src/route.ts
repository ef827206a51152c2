import { compileHeader, type HeaderMatch, type HeadMatcher } from "./header.ts";
import { compileMetadata, type MetadataMatch } from "./metadata.ts";
import { compilePath, type PathMatch, stripQuery } from "./path.ts";
import { compileQuery, type QueryMatch } from "./query.ts";
import type { RequestView } from "./request-view.ts";

/** What a request must be for a route to take it: all that is given must hold. */
export interface RouteMatch {
  /** Absent: any path. */
  readonly path?: PathMatch;
  readonly headers?: readonly HeaderMatch[];
  readonly query?: readonly QueryMatch[];
  /** What filters have noted of the request. */
  readonly metadata?: readonly MetadataMatch[];
  /** Takes this share of the requests: `numerator` of `denominator` (100, 10,000 or 1,000,000). */
  readonly fraction?: { readonly numerator: number; readonly denominator: number };
  /** Takes gRPC requests only: content-type `application/grpc` or `application/grpc+…`. */
  readonly grpc?: boolean;
  /** Takes CONNECT requests only, whatever their path. */
  readonly connect?: boolean;
}

/** Tests a request; `random` is uniform in [0, 1), drawn once per request and the same for all its routes. */
export type RouteMatcher = (request: RequestView, random: number) => boolean;

/**
 * Compiles to a test of a request.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-routematch
 * @throws {MatcherError} for a pattern that RE2 would refuse
 */
export function compileRoute(match: RouteMatch): RouteMatcher {
  const test = compileTest(match);
  return (request, random) => test(request, stripQuery(request.path), random);
}

/** A route's test, with the path given without its query, for a table strips it once. */
export type RouteTest = (request: RequestView, path: string, random: number) => boolean;

/** As {@link compileRoute}, for {@link RouteTest}. */
export function compileTest(match: RouteMatch): RouteTest {
  const tests: RouteTest[] = [];
  if (match.path !== undefined) {
    const path = compilePath(match.path);
    tests.push((_request, stripped) => path(stripped));
  }
  if (match.connect === true) tests.push((request) => request.method === "CONNECT");
  if (match.fraction !== undefined) {
    const { numerator, denominator } = match.fraction;
    tests.push((_request, _path, random) => random * denominator < numerator);
  }
  const head: HeadMatcher[] = [];
  if (match.grpc === true) head.push(isGrpc);
  head.push(...(match.headers ?? []).map(compileHeader), ...(match.query ?? []).map(compileQuery));
  tests.push(...head);
  for (const test of (match.metadata ?? []).map(compileMetadata))
    tests.push((request) => test((filter) => request.metadata?.(filter)));
  const [first, second] = tests;
  if (first === undefined) return () => true;
  if (second === undefined) return first;
  return (request, path, random) => tests.every((test) => test(request, path, random));
}

function isGrpc(request: RequestView): boolean {
  const type = request.header("content-type");
  return type !== undefined && (type === "application/grpc" || type.startsWith("application/grpc+"));
}
