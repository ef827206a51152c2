import type { OutlierDetection } from "@weft/envoy-api/envoy/config/cluster/v3/outlier_detection_pb.js";
import type { OutlierDetectionConfig } from "../runtime/cluster-config.ts";
import type { Problems } from "./problems.ts";
import { durationMs } from "./values.ts";

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/outlier_detection.proto */
export function compileOutlierDetection(
  message: OutlierDetection,
  problems: Problems,
): OutlierDetectionConfig {
  const baseEjectionMs = durationMs(message.baseEjectionTime, 30_000);
  // Envoy judges success rates unless told not to, from five hosts with a hundred requests each on.
  if ((message.enforcingSuccessRate ?? 100) > 0) {
    problems.warning(
      "outlier_detection.enforcing_success_rate",
      "without-effect",
      "has no effect: success rates are not judged, only consecutive failures",
    );
  }
  if ((message.enforcingFailurePercentage ?? 0) > 0) {
    problems.error(
      "outlier_detection.enforcing_failure_percentage",
      "not-implemented",
      "failure percentages are not judged, only consecutive failures",
    );
  }
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
    alwaysEjectOneHost: message.alwaysEjectOneHost ?? false,
  };
}
