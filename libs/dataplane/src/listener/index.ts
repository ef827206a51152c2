export { findEqualMatches } from "./filter-chain-match.ts";
export type { ListenerDependencies } from "./listener.ts";
export { BindError, createListenerManager, type ListenerManager, type ListenerStatus } from "./manager.ts";
export { createOriginalDestinationLookup, type OriginalDestinationLookup } from "./original-destination.ts";
