export { accessLoggerNames } from "./access-log.ts";
export { checkFields } from "./check-fields.ts";
export { clusterTypeNames, compileCluster } from "./cluster.ts";
export { compileEndpoints } from "./endpoints.ts";
export type { CompileEnvironment, HttpFilterContext, HttpFilterFactory } from "./environment.ts";
export { compileListener } from "./listener.ts";
export { listenerFilterNames } from "./listener-filters.ts";
export { networkFilterNames } from "./network-filters.ts";
export type { Compiled } from "./problems.ts";
export { retryHostPredicateNames, retryPriorityNames } from "./route/retry.ts";
export {
  type CompiledHost,
  compileRouteTable,
  compileTableHead,
  type RouteTableHead,
} from "./route/table.ts";
export { createTlsEnvironment, type TlsEnvironment } from "./tls/environment.ts";
export { compileSecret } from "./tls/secret.ts";
export { transportSocketNames, upstreamTransportSocketNames } from "./transport-socket.ts";
