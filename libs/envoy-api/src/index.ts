export type { EncodedResource, ResourceSet } from "./resource-set.ts";
export { type TypeUrl, typeUrls } from "./type-urls.ts";
