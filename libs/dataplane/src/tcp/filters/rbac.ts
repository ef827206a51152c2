import type { Clock } from "@weft/base";
import { deniedDetails, type RbacEngine, type RbacVerdict } from "../../rbac/engine.ts";
import { connectionView } from "../../rbac/view.ts";
import type { NetworkFilterLayer } from "../../runtime/connection.ts";
import type { AccessLogger } from "../../runtime/stream-info.ts";
import { refuseConnection } from "./refuse.ts";

/** Envoy's network RBAC, compiled. */
export interface NetworkRbacConfig {
  readonly engine: RbacEngine | undefined;
  /** Its verdict is only counted. */
  readonly shadow: RbacEngine | undefined;
  readonly count: (verdict: RbacVerdict) => void;
  readonly countShadow: (verdict: RbacVerdict) => void;
  readonly accessLogs: readonly AccessLogger[];
  readonly clock: Clock;
}

/**
 * Role-based access control of connections. A connection is judged before the filters after this one see anything of
 * it, so that nothing goes to an upstream, nor from it, for a client that is refused.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/rbac_filter
 */
export function createNetworkRbac(config: NetworkRbacConfig): NetworkFilterLayer {
  const { engine, shadow, count, countShadow, accessLogs, clock } = config;
  return (next) => (connection) => {
    const view = connectionView(connection.info);
    if (shadow !== undefined) countShadow(shadow(view));
    if (engine === undefined) return next(connection);
    const verdict = engine(view);
    count(verdict);
    if (verdict.allowed) return next(connection);
    const details = deniedDetails(verdict.policy);
    return refuseConnection(connection.socket, connection.info, { details, accessLogs, clock });
  };
}
