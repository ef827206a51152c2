export { BootstrapError, parseBootstrap } from "./bootstrap/index.ts";
export { type Resolver, systemResolver } from "./cluster/index.ts";
export { type CompiledExtension, compiledExtensions } from "./extensions.ts";
export {
  createProxy,
  type ProxyOptions,
  type ProxyServer,
  ProxyStartError,
  type ServerState,
} from "./proxy.ts";
export { validateBootstrap } from "./validate.ts";
