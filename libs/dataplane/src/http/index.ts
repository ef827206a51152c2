export { createHttpConnectionManager } from "./connection-manager.ts";
export { createHttpDataPath, type HttpDataPath, type HttpDataPathOptions } from "./data-path.ts";
export { createRouter, type RouterOptions } from "./router/router.ts";
export { TimerWheel, WheelTimer } from "./timer-wheel.ts";
