export {
  type AdsConfig,
  type BootstrapSettings,
  compileBootstrap,
  validateStaticResources,
} from "./compile.ts";
export { BootstrapError, parseBootstrap } from "./parse.ts";
