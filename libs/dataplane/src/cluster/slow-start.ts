import type { SlowStartConfig } from "../runtime/cluster-config.ts";
import type { ClusterHost } from "./host.ts";

/**
 * The share of its weight that a host has while it is new: it grows from the minimum to all of it within the window.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start
 */
export function slowStartShare(config: SlowStartConfig, host: ClusterHost, now: number): number {
  const age = now - host.healthySince;
  if (age >= config.windowMs) return 1;
  const grown = (Math.max(1000, age) / config.windowMs) ** (1 / config.aggression);
  return Math.min(1, Math.max(grown, config.minWeightPercent / 100));
}

/** True where some host is new. */
export function anyInSlowStart(config: SlowStartConfig, hosts: readonly ClusterHost[], now: number): boolean {
  return hosts.some(({ healthySince }) => now - healthySince < config.windowMs);
}
