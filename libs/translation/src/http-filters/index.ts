import type { HttpConnections, ProxyTraits } from "../ir/index.ts";
import { alpn } from "./alpn.ts";
import { authorization, externalAuthorization } from "./authorization.ts";
import { dynamicForwardProxy } from "./dynamic-forward-proxy.ts";
import { extensionsOf } from "./extensions.ts";
import { cors, fault, grpcStats, grpcWeb, router } from "./fixed.ts";
import type { EnvoyHttpFilter, HttpFilterRule } from "./http-filter.ts";
import { jwtAuthentication } from "./jwt-authentication.ts";
import { peerMetadata } from "./peer-metadata.ts";
import { stats } from "./stats.ts";

/** All HTTP filters in the order requests pass them, each with the reason for its place. A new filter is one line here. */
const filters: readonly HttpFilterRule[] = [
  peerMetadata, // first: what follows may ask who the peer is
  externalAuthorization, // before the mesh's own: who is asked may see requests that its policies refuse
  extensionsOf("AUTHN"), // before who asks is found out
  jwtAuthentication, // before authorization, whose rules may ask what a token says
  extensionsOf("AUTHZ"), // before what may be asked is decided
  authorization, // before anything that acts on the request: who may not ask gets no further
  extensionsOf("STATS", "UNSPECIFIED"), // as Istio: after its policies, before what looks at messages
  grpcWeb, // before what looks at gRPC messages
  grpcStats, // sees what the client sent, before faults are injected
  alpn, // only reads the request; any place before the router will do
  fault, // after authorization, so that an injected answer tells a stranger nothing
  cors, // answers preflights itself, which faults may hit as they hit other requests
  stats, // after what may answer by itself, as Istio; it looks at the whole request when that is over
  dynamicForwardProxy, // last of all that may answer or change the host: what is refused is not looked up
  router, // ends the chain
];

/** The filters of an HTTP connection manager. */
export function buildHttpFilters(http: HttpConnections, traits: ProxyTraits): EnvoyHttpFilter[] {
  return filters.flatMap((filter) => filter.build(http, traits));
}
