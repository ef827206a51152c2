export {
  createEngine,
  type Engine,
  type EngineObserver,
  type EngineOptions,
  type Translate,
  type TranslateInSteps,
  type WithEndpoints,
} from "./engine.ts";
export { decodeMeshConfig } from "./mesh-config.ts";
export { createPilot, type ListenAddress, type Pilot, type PilotOptions, type StartSource } from "./pilot.ts";
export type { ConnectedProxy, ProxyRegistry } from "./proxies.ts";
export { type DebounceTimes, defaultDebounceTimes } from "./push/debounce.ts";
export { type Rejection, rejectionsOf } from "./rejections.ts";
export type { SecureChannelConfig } from "./secure/index.ts";
