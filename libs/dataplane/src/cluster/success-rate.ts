import type { OutlierDetectionConfig } from "../runtime/cluster-config.ts";
import type { ClusterHost, OutcomeCount } from "./host.ts";

type Eject = (host: ClusterHost, reason: string, enforcingPercent: number) => void;

/**
 * Judges what hosts did in an interval by the rates at which they succeeded: those far below the average of all, and
 * those that fail too often whatever the others do.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier#success-rate
 */
export function judgeInterval(
  { successRate, failurePercentage, splitLocalOrigin }: OutlierDetectionConfig,
  hosts: readonly ClusterHost[],
  eject: Eject,
): void {
  judge(hosts, ({ answers }) => answers, "", [successRate.enforcing, failurePercentage.enforcing]);
  if (splitLocalOrigin)
    judge(hosts, ({ localOrigin }) => localOrigin, "local_origin_", [
      successRate.enforcingLocalOrigin,
      failurePercentage.enforcingLocalOrigin,
    ]);

  function judge(
    all: readonly ClusterHost[],
    countOf: (host: ClusterHost) => OutcomeCount,
    origin: string,
    [rateEnforcing, failureEnforcing]: readonly [number, number],
  ): void {
    const rates = (volume: number) =>
      all.flatMap((host) => {
        const { success, total } = countOf(host);
        // A host that is out already has nothing to say about the others.
        return host.ejected || total === 0 || total < volume ? [] : [{ host, rate: (100 * success) / total }];
      });
    const judged = rates(successRate.requestVolume);
    const failing = rates(failurePercentage.requestVolume);
    if (judged.length > 0 && judged.length >= successRate.minimumHosts) {
      const limit = lowestRate(
        judged.map(({ rate }) => rate),
        successRate.stdevFactor / 1000,
      );
      for (const { host, rate } of judged)
        if (rate < limit) eject(host, `${origin}success_rate`, rateEnforcing);
    }
    if (failing.length > 0 && failing.length >= failurePercentage.minimumHosts) {
      const reason = origin === "" ? "failure_percentage" : "local_origin_failure_percentage";
      for (const { host, rate } of failing)
        if (100 - rate >= failurePercentage.threshold) eject(host, reason, failureEnforcing);
    }
  }
}

/** The average less so many standard deviations (of the whole population). */
export function lowestRate(rates: readonly number[], factor: number): number {
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
  return mean - factor * Math.sqrt(variance);
}
