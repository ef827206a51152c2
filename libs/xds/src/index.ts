export {
  createXdsClient,
  type SubscribeOptions,
  type XdsClient,
  type XdsClientEvent,
  type XdsClientOptions,
  type XdsClientSubscription,
} from "./client.ts";
export { accept, reject, type Verdict, type XdsUpdate } from "./client-subscription.ts";
export type { XdsConnection, XdsServerEvent } from "./connection.ts";
export type { ReceivedResource } from "./decode-response.ts";
export type { Interest } from "./interest.ts";
export { createXdsRelay, type OwnSubscription, type XdsRelay, type XdsRelayOptions } from "./relay.ts";
export { createResourceSet, encodeAny, encodeResource, resourceSetOf } from "./resource-set.ts";
export type { ResponseCache, ResponseCacheStats } from "./response.ts";
export {
  createXdsServer,
  type XdsCall,
  type XdsClientClaim,
  type XdsServer,
  type XdsServerLimits,
  type XdsServerOptions,
} from "./server.ts";
export type { SyncState, TypeStatus } from "./status.ts";
export type { Exchange, Rejection, XdsMode } from "./subscription.ts";
