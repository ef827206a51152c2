export { packAny, typeNameOf, type Unpacked, unpackAny } from "./any.ts";
export { EnvoyJsonError } from "./json/error.ts";
export { fromEnvoyJson } from "./json/from-json.ts";
export { toEnvoyJson } from "./json/to-json.ts";
export { createTypeRegistry, envoyRegistry, envoyTypeNames, type TypeRegistry } from "./registry.ts";
export type { EncodedResource, ResourceSet, WithheldResource } from "./resource-set.ts";
export { type TypeUrl, typeUrls } from "./type-urls.ts";
export { type ValidateOptions, validateMessage } from "./validate/validate-message.ts";
export type { Violation, ViolationCode } from "./validate/violation.ts";
