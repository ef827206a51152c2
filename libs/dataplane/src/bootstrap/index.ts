export {
  type AdsConfig,
  type BootstrapSettings,
  compileBootstrap,
  grpcAddress,
  validateStaticResources,
} from "./compile.ts";
export { BootstrapError, parseBootstrap } from "./parse.ts";
