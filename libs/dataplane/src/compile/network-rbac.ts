import type { RBAC } from "@weft/envoy-api/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import { compileRbacEngine } from "../rbac/engine.ts";
import { createVerdictCounter } from "../rbac/stats.ts";
import type { NetworkFilterLayer } from "../runtime/connection.ts";
import type { AccessLogger } from "../runtime/stream-info.ts";
import { createNetworkRbac } from "../tcp/index.ts";
import type { CompileEnvironment } from "./environment.ts";
import type { Problems } from "./problems.ts";

/** Compiles a network RBAC filter whose fields are checked already, for a chain whose logs are then given. */
export function compileNetworkRbac(
  message: RBAC,
  path: string,
  { stats, clock }: CompileEnvironment,
  problems: Problems,
): (accessLogs: readonly AccessLogger[]) => NetworkFilterLayer {
  const scope = stats.scope(message.statPrefix.replace(/\.$/, "")).scope("rbac");
  const config = {
    engine: compileRbacEngine(message.rules, `${path}.rules`, problems),
    shadow: compileRbacEngine(message.shadowRules, `${path}.shadow_rules`, problems),
    count: createVerdictCounter({ scope, prefix: "" }),
    countShadow: createVerdictCounter({ scope, prefix: message.shadowRulesStatPrefix, shadow: true }),
    clock,
  };
  return (accessLogs) => createNetworkRbac({ ...config, accessLogs });
}
