import type { HttpFilterFactory } from "../../compile/environment.ts";
import { buffer } from "./buffer/compile.ts";
import { cors } from "./cors/compile.ts";
import { csrf } from "./csrf/compile.ts";
import { dynamicForwardProxy } from "./dynamic-forward-proxy/compile.ts";
import { extAuthz } from "./ext-authz/compile.ts";
import { fault } from "./fault/compile.ts";
import { grpcStats } from "./grpc-stats/compile.ts";
import { grpcWeb } from "./grpc-web/compile.ts";
import { headerMutation } from "./header-mutation/compile.ts";
import { healthCheck } from "./health-check/compile.ts";
import { istioStats } from "./istio-stats/compile.ts";
import { jwtAuthn } from "./jwt-authn/compile.ts";
import { localRateLimit } from "./local-ratelimit/compile.ts";
import { rateLimit } from "./ratelimit/compile.ts";
import { rbac } from "./rbac/compile.ts";
import { setFilterState } from "./set-filter-state/compile.ts";

/**
 * The HTTP filters that are compiled in, besides the router. The order here means nothing: chains come in the order
 * that their configuration gives.
 */
export const httpFilterFactories: readonly HttpFilterFactory[] = [
  buffer,
  cors,
  csrf,
  extAuthz,
  dynamicForwardProxy,
  fault,
  grpcStats,
  grpcWeb,
  headerMutation,
  healthCheck,
  istioStats,
  localRateLimit,
  jwtAuthn,
  rateLimit,
  rbac,
  setFilterState,
];
