export type { JwtContext, JwtDone } from "./authenticate.ts";
export type { TokenLocation } from "./extract.ts";
export type { JwtFailure } from "./failure.ts";
export { type KeySource, localKeys, remoteKeys } from "./key-source.ts";
export { importKeys } from "./keys.ts";
export { compileAudiences, type JwtProvider } from "./provider.ts";
export {
  compileRequirement,
  type JwtCheck,
  type JwtRequirement,
  UnknownProviderError,
} from "./requirement.ts";
