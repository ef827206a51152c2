import type { Clock } from "@weft/base";
import type { TryOutcome } from "../runtime/cluster.ts";
import type { OutlierDetectionConfig } from "../runtime/cluster-config.ts";
import type { StatsScope } from "../runtime/stats.ts";
import type { ClusterHost } from "./host.ts";
import { judgeInterval } from "./success-rate.ts";

/** Parts of {@link createOutlierDetection}. */
export interface OutlierDetectionOptions {
  readonly config: OutlierDetectionConfig;
  readonly hosts: () => readonly ClusterHost[];
  /** A host was ejected or taken back. */
  readonly changed: () => void;
  readonly clock: Clock;
  readonly random: () => number;
  /** The cluster's scope. */
  readonly stats: StatsScope;
}

/** Takes hosts that fail too often out of load balancing for a while. */
export interface OutlierDetection {
  report(host: ClusterHost, outcome: TryOutcome): void;
  close(): void;
}

/**
 * Consecutive failures, as Envoy counts them: a failure to connect counts as 503 unless local failures are split off,
 * and a 5xx made by the upstream's gateway (502, 503, 504) counts for both checks; at the end of each interval also
 * success rates and failure percentages. The ejection lasts the base time
 * multiplied by how often the host was ejected, up to the maximum; every interval without one lowers that number.
 * An ejection that would exceed the maximum percentage does not happen, the first one included, as in Envoy since 1.28
 * (of three hosts none at the default 10 %), unless one host may always be ejected.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
 */
export function createOutlierDetection(options: OutlierDetectionOptions): OutlierDetection {
  const { config, hosts, changed, clock, random, stats } = options;
  const scope = stats.scope("outlier_detection");
  const active = scope.gauge("ejections_active");
  let cancel: (() => void) | undefined;
  let closed = false;
  /** Some host was used since the interval began. */
  let used = false;

  const ejectedCount = () => hosts().reduce((count, host) => count + (host.ejected ? 1 : 0), 0);

  const eject = (host: ClusterHost, reason: string, enforcingPercent: number) => {
    if (host.ejected) return;
    scope.counter(`ejections_detected_${reason}`).inc();
    if (random() * 100 >= enforcingPercent) return;
    const ejected = ejectedCount();
    const allowed =
      (ejected === 0 && config.alwaysEjectOneHost) ||
      ((ejected + 1) * 100) / hosts().length <= config.maxEjectionPercent;
    if (!allowed) {
      scope.counter("ejections_overflow").inc();
      return;
    }
    host.ejected = true;
    host.ejections++;
    const lasts = Math.min(
      config.baseEjectionMs * host.ejections,
      Math.max(config.maxEjectionMs, config.baseEjectionMs),
    );
    host.ejectedUntil = clock.monotonic() + lasts + random() * config.maxEjectionJitterMs;
    scope.counter("ejections_enforced_total").inc();
    scope.counter(`ejections_enforced_${reason}`).inc();
    active.set(ejected + 1);
    changed();
    arm();
  };

  const sweep = () => {
    const now = clock.monotonic();
    const all = hosts();
    let back = false;
    for (const host of all) {
      if (!host.ejected) {
        host.ejections = Math.max(0, host.ejections - 1);
        continue;
      }
      if (now < host.ejectedUntil) continue;
      host.ejected = false;
      host.consecutive5xx = host.consecutiveGatewayFailure = host.consecutiveLocalOriginFailure = 0;
      back = true;
    }
    active.set(ejectedCount());
    if (back) changed();
    judgeInterval(config, all, eject);
    for (const { answers, localOrigin } of all) {
      answers.success = answers.total = 0;
      localOrigin.success = localOrigin.total = 0;
    }
  };

  // The timer runs only while there is something to judge, to take back or to forget.
  const arm = () => {
    if (closed || cancel !== undefined) return;
    cancel = clock.after(config.intervalMs, () => {
      cancel = undefined;
      used = false;
      sweep();
      if (hosts().some(({ ejected, ejections }) => ejected || ejections > 0)) arm();
    });
  };

  const countStatus = (host: ClusterHost, status: number) => {
    host.answers.total++;
    if (status < 500) {
      host.answers.success++;
      host.consecutive5xx = 0;
      host.consecutiveGatewayFailure = 0;
      return;
    }
    if (status >= 502 && status <= 504) {
      if (++host.consecutiveGatewayFailure === config.consecutiveGatewayFailure) {
        host.consecutiveGatewayFailure = 0;
        eject(host, "consecutive_gateway_failure", config.enforcingGatewayFailure);
      }
    } else {
      host.consecutiveGatewayFailure = 0;
    }
    if (++host.consecutive5xx === config.consecutive5xx) {
      host.consecutive5xx = 0;
      eject(host, "consecutive_5xx", config.enforcing5xx);
    }
  };

  const countConnect = (host: ClusterHost, succeeded: boolean) => {
    host.localOrigin.total++;
    if (succeeded) {
      host.localOrigin.success++;
      host.consecutiveLocalOriginFailure = 0;
    } else if (++host.consecutiveLocalOriginFailure === config.consecutiveLocalOriginFailure) {
      host.consecutiveLocalOriginFailure = 0;
      eject(host, "consecutive_local_origin_failure", config.enforcingLocalOriginFailure);
    }
  };

  return {
    report(host, outcome) {
      if (!used) {
        used = true;
        arm();
      }
      if (outcome.kind === "response") {
        if (config.splitLocalOrigin) countConnect(host, true);
        countStatus(host, outcome.status);
      } else if (config.splitLocalOrigin) {
        countConnect(host, false);
      } else {
        countStatus(host, outcome.kind === "timeout" ? 504 : 503);
      }
    },
    close() {
      closed = true;
      cancel?.();
    },
  };
}
