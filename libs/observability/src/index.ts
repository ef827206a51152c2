export { type EventLoopWatch, watchEventLoop } from "./event-loop.ts";
export { createHealth, type Health, readyRoute } from "./health.ts";
export {
  BodyTooLargeError,
  createHttpEndpoint,
  type EndpointReply,
  type EndpointRequest,
  type EndpointRoute,
  type HttpEndpoint,
  type HttpEndpointOptions,
  ListenError,
} from "./http-endpoint.ts";
export {
  createLogger,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  parseLogLevel,
  silentLogger,
} from "./logger.ts";
export {
  type Counter,
  createMetrics,
  type Gauge,
  type Histogram,
  type Labels,
  type Metrics,
  metricsContentType,
  type Observe,
  secondsBuckets,
} from "./metrics.ts";
export { createShutdown, type Shutdown, type ShutdownOptions, shutdownOnSignals } from "./shutdown.ts";
