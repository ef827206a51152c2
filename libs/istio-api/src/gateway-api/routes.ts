import { port } from "../schema/scalars.ts";
import {
  boolean,
  type Infer,
  integer,
  list,
  oneOfWords,
  openMessage,
  required,
  type Schema,
  string,
} from "../schema/schema.ts";
import { backendReferenceFields, backendRefFields, parentReference } from "./references.ts";

const parentRefs = list(parentReference);

const namedMatch = openMessage({
  type: oneOfWords("Exact", "RegularExpression"),
  name: required(string()),
  value: required(string()),
});

const httpHeaders = list(openMessage({ name: required(string()), value: required(string()) }));
const headerModifier = openMessage({ set: httpHeaders, add: httpHeaders, remove: list(string()) });

const pathModifier = openMessage({
  type: required(oneOfWords("ReplaceFullPath", "ReplacePrefixMatch")),
  replaceFullPath: string(),
  replacePrefixMatch: string(),
});

const requestMirror = openMessage({
  backendRef: required(openMessage(backendReferenceFields)),
  percent: integer(0, 100),
  fraction: openMessage({ numerator: required(integer(0)), denominator: integer(1) }),
});

/** Filters that both HTTPRoute and GRPCRoute have. */
const sharedFilterFields = {
  type: required(string()),
  requestHeaderModifier: headerModifier,
  responseHeaderModifier: headerModifier,
  requestMirror,
};

const httpFilter = openMessage({
  ...sharedFilterFields,
  requestRedirect: openMessage({
    scheme: string(),
    hostname: string(),
    path: pathModifier,
    port: port(),
    statusCode: integer(),
  }),
  urlRewrite: openMessage({ hostname: string(), path: pathModifier }),
  cors: openMessage({
    allowOrigins: list(string()),
    allowCredentials: boolean(),
    allowMethods: list(string()),
    allowHeaders: list(string()),
    exposeHeaders: list(string()),
    maxAge: integer(0),
  }),
});

const httpMatch = openMessage({
  path: openMessage({ type: oneOfWords("Exact", "PathPrefix", "RegularExpression"), value: string() }),
  headers: list(namedMatch),
  queryParams: list(namedMatch),
  method: string(),
});

const httpRule = openMessage({
  name: string(),
  matches: list(httpMatch),
  filters: list(httpFilter),
  backendRefs: list(openMessage({ ...backendRefFields, filters: list(httpFilter) })),
  timeouts: openMessage({ request: string(), backendRequest: string() }),
  retry: openMessage({ codes: list(integer(400, 599)), attempts: integer(0), backoff: string() }),
});

/** https://gateway-api.sigs.k8s.io/reference/spec/#httproute */
export const httpRouteBody = openMessage({
  spec: required(openMessage({ parentRefs, hostnames: list(string()), rules: list(httpRule) })),
});

const grpcFilter = openMessage(sharedFilterFields);

const grpcMatch = openMessage({
  method: openMessage({
    type: oneOfWords("Exact", "RegularExpression"),
    service: string(),
    method: string(),
  }),
  headers: list(namedMatch),
});

const grpcRule = openMessage({
  name: string(),
  matches: list(grpcMatch),
  filters: list(grpcFilter),
  backendRefs: list(openMessage({ ...backendRefFields, filters: list(grpcFilter) })),
});

/** https://gateway-api.sigs.k8s.io/reference/spec/#grpcroute */
export const grpcRouteBody = openMessage({
  spec: required(openMessage({ parentRefs, hostnames: list(string()), rules: list(grpcRule) })),
});

const layer4Rule = openMessage({ name: string(), backendRefs: list(openMessage(backendRefFields)) });

/** https://gateway-api.sigs.k8s.io/reference/spec/#tcproute */
export const tcpRouteBody = openMessage({
  spec: required(openMessage({ parentRefs, rules: list(layer4Rule) })),
});

/** https://gateway-api.sigs.k8s.io/reference/spec/#tlsroute */
export const tlsRouteBody = openMessage({
  spec: required(openMessage({ parentRefs, hostnames: list(string()), rules: list(layer4Rule) })),
});

type SpecOf<Body> = Body extends Schema<infer T> ? (T extends { readonly spec: infer S } ? S : never) : never;

/** `spec` of an HTTPRoute; the HTTP part of a VirtualService is `HTTPRoute`. */
export type HTTPRouteSpec = SpecOf<typeof httpRouteBody>;
/** `spec` of a GRPCRoute. */
export type GRPCRouteSpec = SpecOf<typeof grpcRouteBody>;
/** `spec` of a TCPRoute. */
export type TCPRouteSpec = SpecOf<typeof tcpRouteBody>;
/** `spec` of a TLSRoute. */
export type TLSRouteSpec = SpecOf<typeof tlsRouteBody>;
/** One rule of an HTTPRoute. */
export type HTTPRouteRule = Infer<typeof httpRule>;
/** Conditions of an HTTPRoute's rule that must all hold. */
export type HTTPRouteMatch = Infer<typeof httpMatch>;
/** What an HTTPRoute does to requests and answers. */
export type HTTPRouteFilter = Infer<typeof httpFilter>;
/** One rule of a GRPCRoute. */
export type GRPCRouteRule = Infer<typeof grpcRule>;
/** Conditions of a GRPCRoute's rule that must all hold. */
export type GRPCRouteMatch = Infer<typeof grpcMatch>;
/** What a GRPCRoute does to requests and answers. */
export type GRPCRouteFilter = Infer<typeof grpcFilter>;
/** Headers to set, add and remove. */
export type HTTPHeaderFilter = Infer<typeof headerModifier>;
