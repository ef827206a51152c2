export { decodeStatsConfig, type StatsConfig } from "./config.ts";
export { createIstioMetrics, type IstioMetrics } from "./metrics.ts";
export type { Recorder, TcpReport } from "./recorder.ts";
