/**
 * The proxy's own compiler and matchers without the proxy: for those who ask what it would do with a
 * configuration and serve no connection (the conformance run, `explain`).
 */

export {
  type Compiled,
  type CompileEnvironment,
  compileCluster,
  compileEndpoints,
  compileListener,
  compileRouteTable,
  createTlsEnvironment,
} from "./compile/index.ts";
export { compiledExtensions } from "./extensions.ts";
export { httpFilterFactories } from "./http/filters/index.ts";
export { createFilterChainMatcher, type FilterChainMatcher } from "./listener/filter-chain-match.ts";
export type { NetworkFilter } from "./runtime/connection.ts";
export type { HttpConnectionManagerConfig } from "./runtime/http-connection-manager.ts";
export type { ListenerConfig } from "./runtime/listener-config.ts";
export type { RouteTable } from "./runtime/route.ts";
export { createStatsStore } from "./stats/index.ts";
export { createBareEnvironment } from "./validate.ts";
