export { type FetchOptions, fetchDocument } from "./fetch.ts";
export { createJwksResolver, type JwksResolver } from "./resolver.ts";
export { wantedKeySets } from "./wanted.ts";
