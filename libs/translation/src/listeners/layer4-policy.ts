import { effectivePolicy } from "../clusters/policy.ts";
import { type BuildContext, ruleFor } from "../context.ts";
import { durationMs } from "../durations.ts";
import type { TcpForward } from "../ir/index.ts";
import { parseBackendName } from "../names.ts";

/** What of the way of bytes a DestinationRule decides. */
export type Layer4Policy = Pick<TcpForward, "idleTimeoutMs" | "hashBySource" | "tunnel">;

/**
 * What the rule of a backend says of bytes on their way to it. A tunnel is taken from the policy of the host or of the
 * subset alone, as in Istio.
 * https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy-TunnelSettings
 */
export function layer4Policy(context: BuildContext, backend: string): Layer4Policy {
  const { host = "", port = 0, subset = "" } = parseBackendName(backend) ?? {};
  const service = context.view.scope.servicesByHostname.get(host);
  const rule = service && ruleFor(context, service)?.spec;
  if (rule === undefined) return {};
  const { connectionPool, loadBalancer } = effectivePolicy(rule, port, subset);
  const idle = durationMs(connectionPool?.tcp?.idleTimeout);
  const policies = subset === "" ? rule : rule.subsets?.find(({ name }) => name === subset);
  const tunnel = policies?.trafficPolicy?.tunnel;
  return {
    ...(idle === undefined ? {} : { idleTimeoutMs: idle }),
    ...(loadBalancer?.consistentHash?.useSourceIp ? { hashBySource: true } : {}),
    ...(tunnel
      ? {
          tunnel: {
            host: tunnel.targetHost,
            port: tunnel.targetPort,
            post: tunnel.protocol?.toUpperCase() === "POST",
          },
        }
      : {}),
  };
}
