export type { ConfigFailure, ConfigRecord, ConfigState } from "./config-state.ts";
export { createResources, type Resources } from "./resources.ts";
export { createRouteStore, type RouteStore } from "./route-store.ts";
export { createSecretSubscriptions, type SecretSubscriptions } from "./secrets.ts";
export { type SubscribeOptions, subscribeResources } from "./subscribe.ts";
