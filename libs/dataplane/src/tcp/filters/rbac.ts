import type { Clock } from "@weft/base";
import { deniedDetails, type RbacEngine, type RbacVerdict } from "../../rbac/engine.ts";
import { connectionView } from "../../rbac/view.ts";
import { type NetworkFilterLayer, withMetadata } from "../../runtime/connection.ts";
import type { AccessLogger } from "../../runtime/stream-info.ts";
import { refuseConnection } from "./refuse.ts";

/** Envoy's network RBAC, compiled. */
export interface NetworkRbacConfig {
  readonly engine: RbacEngine | undefined;
  /** Its verdict is only noted. */
  readonly shadow: RbacEngine | undefined;
  /** In front of the metadata keys of its verdicts. */
  readonly shadowPrefix: string;
  readonly count: (verdict: RbacVerdict) => void;
  readonly countShadow: (verdict: RbacVerdict) => void;
  readonly accessLogs: readonly AccessLogger[];
  readonly clock: Clock;
}

const metadataNamespace = "envoy.filters.network.rbac";

/**
 * Role-based access control of connections. A connection is judged before the filters after this one see anything of
 * it, so that nothing goes to an upstream, nor from it, for a client that is refused.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/rbac_filter
 */
export function createNetworkRbac(config: NetworkRbacConfig): NetworkFilterLayer {
  const { engine, shadow, shadowPrefix, count, countShadow, accessLogs, clock } = config;
  return (next) => (connection) => {
    const view = connectionView(connection.info);
    let noted = connection;
    if (shadow !== undefined) {
      const verdict = shadow(view);
      countShadow(verdict);
      const info = withMetadata(connection.info, metadataNamespace, {
        ...(verdict.policy !== undefined && {
          [`${shadowPrefix}shadow_effective_policy_id`]: verdict.policy,
        }),
        [`${shadowPrefix}shadow_engine_result`]: verdict.allowed ? "allowed" : "denied",
      });
      noted = { ...connection, info };
    }
    if (engine === undefined) return next(noted);
    const verdict = engine(view);
    count(verdict);
    if (verdict.allowed) return next(noted);
    const details = deniedDetails(verdict.policy);
    return refuseConnection(connection.socket, connection.info, { details, accessLogs, clock });
  };
}
