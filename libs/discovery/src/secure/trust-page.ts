import { parseTrustReport, type TrustReport, toTrustReport, trustReportType } from "@weft/identity";
import type { EndpointRoute } from "@weft/observability";
import type { ConnectedProxy, ProxyRegistry } from "../proxies.ts";
import type { SecureChannel } from "./channel.ts";

/** What the page says of one proxy; undefined where it has not said, as agents of Istio do not. */
interface ProxyTrust {
  readonly proxy: string;
  readonly connectionId: string;
  readonly identity: string | undefined;
  readonly trust: TrustReport | undefined;
}

/** Which roots each connected proxy has, and which signed its certificate: what a change of the root waits for. */
export function trustRoute(options: {
  readonly proxies: Pick<ProxyRegistry, "all">;
  readonly channel: Pick<SecureChannel, "secrets">;
  /** Name of this pilot. */
  readonly instance: string;
}): EndpointRoute {
  const { proxies, channel, instance } = options;
  return {
    path: "/debug/trust",
    help: "which roots each proxy and this pilot have, and which signed their certificates",
    handle: () => {
      const own = channel.secrets();
      return {
        body: {
          pilot: { proxy: instance, trust: own && toTrustReport(own) },
          proxies: [...proxies.all].map(trustOf),
        },
      };
    },
  };
}

function trustOf({ node, connection }: ConnectedProxy): ProxyTrust {
  const report = connection.status().find(({ typeUrl }) => typeUrl === trustReportType);
  // Only of whom is known who it is: else it might speak for another.
  const said = connection.identity === undefined ? undefined : report?.names;
  return {
    proxy: node.name,
    connectionId: connection.id,
    identity: connection.identity,
    trust: said && parseTrustReport(said),
  };
}
