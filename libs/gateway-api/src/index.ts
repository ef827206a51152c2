export type { Condition } from "./conditions.ts";
export { convertGatewayApi } from "./convert.ts";
export { kubernetesDerivations } from "./derivations.ts";
export type { IngressSettings } from "./ingress/class.ts";
export { convertIngresses, type IngressInput } from "./ingress/convert.ts";
export type { GatewayApiInput, KnownPort, KnownService } from "./input.ts";
export { type CredentialState, type Credentials, readCredentials } from "./references/credentials.ts";
