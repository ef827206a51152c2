export type { Condition } from "./conditions.ts";
export { type Converted, convertGatewayApi } from "./convert.ts";
export { kubernetesDerivations } from "./derivations.ts";
export type { IngressSettings } from "./ingress/class.ts";
export { type ConvertedIngresses, convertIngresses, type IngressInput } from "./ingress/convert.ts";
export type { GatewayApiInput, KnownPort, KnownService } from "./input.ts";
export type { ObjectStatus } from "./output.ts";
export { type CredentialState, type Credentials, readCredentials } from "./references/credentials.ts";
