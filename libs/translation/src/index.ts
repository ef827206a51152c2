export { buildProxyIr } from "./build.ts";
export type * from "./ir/index.ts";
export { IdentityMemo } from "./memo.ts";
export { checkIr } from "./resources/check.ts";
export { encodeIr } from "./resources/encode.ts";
export { toResourceSet } from "./resources/resource-set.ts";
export { type ResourcesJson, resourcesToJson } from "./resources/to-json.ts";
export { createTranslator, type Translator, translate } from "./translate.ts";
