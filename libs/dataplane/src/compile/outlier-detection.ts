import type { OutlierDetection } from "@weft/envoy-api/envoy/config/cluster/v3/outlier_detection_pb.js";
import type { OutlierDetectionConfig } from "../runtime/cluster-config.ts";
import { durationMs } from "./values.ts";

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/outlier_detection.proto */
export function compileOutlierDetection(message: OutlierDetection): OutlierDetectionConfig {
  const baseEjectionMs = durationMs(message.baseEjectionTime, 30_000);
  return {
    consecutive5xx: message.consecutive5xx ?? 5,
    enforcing5xx: message.enforcingConsecutive5xx ?? 100,
    consecutiveGatewayFailure: message.consecutiveGatewayFailure ?? 5,
    enforcingGatewayFailure: message.enforcingConsecutiveGatewayFailure ?? 0,
    consecutiveLocalOriginFailure: message.consecutiveLocalOriginFailure ?? 5,
    enforcingLocalOriginFailure: message.enforcingConsecutiveLocalOriginFailure ?? 100,
    splitLocalOrigin: message.splitExternalLocalOriginErrors,
    intervalMs: durationMs(message.interval, 10_000),
    baseEjectionMs,
    maxEjectionMs: durationMs(message.maxEjectionTime, Math.max(300_000, baseEjectionMs)),
    maxEjectionPercent: message.maxEjectionPercent ?? 10,
    maxEjectionJitterMs: durationMs(message.maxEjectionTimeJitter, 0),
    successRate: {
      minimumHosts: message.successRateMinimumHosts ?? 5,
      requestVolume: message.successRateRequestVolume ?? 100,
      stdevFactor: message.successRateStdevFactor ?? 1900,
      enforcing: message.enforcingSuccessRate ?? 100,
      enforcingLocalOrigin: message.enforcingLocalOriginSuccessRate ?? 100,
    },
    failurePercentage: {
      threshold: message.failurePercentageThreshold ?? 85,
      minimumHosts: message.failurePercentageMinimumHosts ?? 5,
      requestVolume: message.failurePercentageRequestVolume ?? 50,
      enforcing: message.enforcingFailurePercentage ?? 0,
      enforcingLocalOrigin: message.enforcingFailurePercentageLocalOrigin ?? 0,
    },
    alwaysEjectOneHost: message.alwaysEjectOneHost ?? false,
  };
}
