import { duration } from "../schema/scalars.ts";
import {
  boolean,
  double,
  type Infer,
  integer,
  list,
  map,
  message,
  oneOfWords,
  required,
  string,
  unsigned,
} from "../schema/schema.ts";

const stringMatch = message(
  { exact: string(), prefix: string(), regex: string() },
  { oneOf: [["exact", "prefix", "regex"]] },
);

const percent = message({ value: double() });

const destination = message({
  host: required(string()),
  subset: string(),
  port: message({ number: unsigned() }),
});

const headerOperations = message({ set: map(string()), add: map(string()), remove: list(string()) });
const headers = message({ request: headerOperations, response: headerOperations });

const httpMatchRequest = message({
  name: string(),
  uri: stringMatch,
  scheme: stringMatch,
  method: stringMatch,
  authority: stringMatch,
  headers: map(stringMatch),
  withoutHeaders: map(stringMatch),
  queryParams: map(stringMatch),
  ignoreUriCase: boolean(),
  port: unsigned(),
  sourceLabels: map(string()),
  sourceNamespace: string(),
  gateways: list(string()),
  statPrefix: string(),
});

const httpRouteDestination = message({
  destination: required(destination),
  weight: integer(),
  headers,
});

const httpRedirect = message(
  {
    uri: string(),
    authority: string(),
    port: unsigned(),
    derivePort: oneOfWords("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"),
    scheme: string(),
    redirectCode: unsigned(),
    prefixRewrite: string(),
  },
  { oneOf: [["port", "derivePort"]] },
);

const httpDirectResponse = message({
  status: required(unsigned()),
  body: message({ string: string(), bytes: string() }, { oneOf: [["string", "bytes"]] }),
});

const httpRewrite = message({
  uri: string(),
  authority: string(),
  uriRegexRewrite: message({ match: string(), rewrite: string() }),
});

const httpRetry = message({
  attempts: integer(),
  perTryTimeout: duration(),
  retryOn: string(),
  retryRemoteLocalities: boolean(),
  retryIgnorePreviousHosts: boolean(),
  backoff: duration(),
});

const httpFaultInjection = message({
  delay: message(
    { percent: integer(), percentage: percent, fixedDelay: duration(), exponentialDelay: duration() },
    { oneOf: [["fixedDelay", "exponentialDelay"]] },
  ),
  abort: message(
    { percentage: percent, httpStatus: integer(), grpcStatus: string(), http2Error: string() },
    { oneOf: [["httpStatus", "grpcStatus", "http2Error"]] },
  ),
});

const corsPolicy = message({
  allowOrigin: list(string()),
  allowOrigins: list(stringMatch),
  allowMethods: list(string()),
  allowHeaders: list(string()),
  exposeHeaders: list(string()),
  maxAge: duration(),
  allowCredentials: boolean(),
  unmatchedPreflights: oneOfWords("UNSPECIFIED", "FORWARD", "IGNORE"),
});

const httpMirrorPolicy = message({ destination: required(destination), percentage: percent });

const httpRoute = message({
  name: string(),
  match: list(httpMatchRequest),
  route: list(httpRouteDestination),
  redirect: httpRedirect,
  directResponse: httpDirectResponse,
  delegate: message({ name: string(), namespace: string() }),
  rewrite: httpRewrite,
  timeout: duration(),
  retries: httpRetry,
  fault: httpFaultInjection,
  mirror: destination,
  mirrors: list(httpMirrorPolicy),
  mirrorPercent: unsigned(),
  mirror_percent: unsigned(),
  mirrorPercentage: percent,
  corsPolicy,
  headers,
});

const routeDestination = message({ destination: required(destination), weight: integer() });

const l4MatchFields = {
  destinationSubnets: list(string()),
  port: unsigned(),
  sourceLabels: map(string()),
  sourceNamespace: string(),
  gateways: list(string()),
};

const tlsRoute = message({
  match: required(list(message({ sniHosts: required(list(string())), ...l4MatchFields }))),
  route: list(routeDestination),
});

const tcpRoute = message({
  match: list(message({ ...l4MatchFields, sourceSubnet: string() })),
  route: list(routeDestination),
});

/** https://istio.io/latest/docs/reference/config/networking/virtual-service/ */
export const virtualServiceSpec = message({
  hosts: list(string()),
  gateways: list(string()),
  http: list(httpRoute),
  tls: list(tlsRoute),
  tcp: list(tcpRoute),
  exportTo: list(string()),
});

/** `spec` of a VirtualService. */
export type VirtualService = Infer<typeof virtualServiceSpec>;
/** A rule for HTTP requests: what it matches, and what is done with them. The first that matches counts. */
export type HTTPRoute = Infer<typeof httpRoute>;
/** Conditions on a request that must all hold. Of a list of these, one must. */
export type HTTPMatchRequest = Infer<typeof httpMatchRequest>;
/** A destination with its share of the requests, and changes to headers on the way. */
export type HTTPRouteDestination = Infer<typeof httpRouteDestination>;
/** An answer that sends the client elsewhere. */
export type HTTPRedirect = Infer<typeof httpRedirect>;
/** An answer that the proxy gives itself. */
export type HTTPDirectResponse = Infer<typeof httpDirectResponse>;
/** Changes of path and authority before a request is sent on. */
export type HTTPRewrite = Infer<typeof httpRewrite>;
/** How often, and on what, failed requests are tried again. */
export type HTTPRetry = Infer<typeof httpRetry>;
/** Delays and failures put in on purpose. */
export type HTTPFaultInjection = Infer<typeof httpFaultInjection>;
/** A destination that gets copies of requests; its answers are dropped. */
export type HTTPMirrorPolicy = Infer<typeof httpMirrorPolicy>;
/** What browsers of other origins may do: https://fetch.spec.whatwg.org/#http-cors-protocol */
export type CorsPolicy = Infer<typeof corsPolicy>;
/** Changes to the headers of requests and of responses. */
export type Headers = Infer<typeof headers>;
/** Headers to set, add and remove, in this order. */
export type HeaderOperations = Infer<typeof headerOperations>;
/** One of three ways to match a text; the regular expression (RE2) must match all of it. */
export type StringMatch = Infer<typeof stringMatch>;
/** A service to send traffic to, by host, and optionally a subset and port of it. */
export type Destination = Infer<typeof destination>;
/** A destination of connections with its share of them. */
export type RouteDestination = Infer<typeof routeDestination>;
/** A rule for TLS connections that are passed through, by SNI. */
export type TLSRoute = Infer<typeof tlsRoute>;
/** Conditions on a TLS connection that must all hold. */
export type TLSMatchAttributes = TLSRoute["match"][number];
/** A rule for TCP connections. */
export type TCPRoute = Infer<typeof tcpRoute>;
/** Conditions on a TCP connection that must all hold. */
export type L4MatchAttributes = NonNullable<TCPRoute["match"]>[number];
