import { statsFilter } from "../telemetry/metrics.ts";
import { toStatsFilters } from "../telemetry/stats-filter.ts";
import type { HttpFilterRule } from "./http-filter.ts";

/** Keeps Istio's metrics of requests. */
export const stats: HttpFilterRule = {
  name: statsFilter,
  build: ({ direction }, traits) => toStatsFilters(direction, traits),
};
