import type { Gateway, Server } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import type { BuildContext } from "../context.ts";
import { configRef } from "../refs.ts";
import { reportUnsupported } from "../unsupported.ts";

/** A server of a Gateway, with the Gateway it is of. */
export interface GatewayServer {
  readonly gateway: Config<Gateway>;
  readonly server: Server;
  readonly index: number;
}

/** The servers of all Gateways that share a listener. */
export interface ServerGroup {
  readonly bind: string;
  /** Whether a Gateway asked for the address, which then is part of the route table's name. */
  readonly ownBind: boolean;
  /** Where the proxy listens: where the gateway's Service sends what comes to the servers' port. */
  readonly port: number;
  readonly servers: readonly GatewayServer[];
}

/** Protocols of servers whose requests are routed. */
const httpProtocols = new Set(["HTTP", "HTTP2", "GRPC", "GRPC-WEB"]);

/** Whether the server's requests are routed in plain text. */
export function isPlainHttp({ server }: GatewayServer): boolean {
  return httpProtocols.has(server.port.protocol.toUpperCase());
}

/** Whether the server ends the mesh's own mutual TLS and routes what is in it. */
export function isMeshHttps({ server }: GatewayServer): boolean {
  return server.port.protocol.toUpperCase() === "HTTPS" && server.tls?.mode === "ISTIO_MUTUAL";
}

/** Where the proxy listens for a port of its Service; the port itself where no Service has it. */
function listenPorts(context: BuildContext, port: number): readonly number[] {
  const targets = context.view.serviceTargets.filter((target) => target.port.port === port);
  const ports = [...new Set(targets.map(({ targetPort }) => targetPort))].sort((a, b) => a - b);
  return ports.length > 0 ? ports : [port];
}

/** The servers of all Gateways that select this proxy, by where it listens, in the order of address and port. */
export function groupServers(context: BuildContext): readonly ServerGroup[] {
  const groups = new Map<string, { group: Omit<ServerGroup, "servers">; servers: GatewayServer[] }>();
  for (const gateway of context.view.gateways) {
    const report = context.problems.for(configRef(gateway));
    reportUnsupported("Gateway", gateway, report);
    for (const [index, server] of (gateway.spec.servers ?? []).entries()) {
      const entry = { gateway, server, index };
      if (!isPlainHttp(entry) && !(isMeshHttps(entry) && context.mutualTls)) {
        const mode = server.tls?.mode === undefined ? "" : ` with TLS mode ${server.tls.mode}`;
        report.unsupported(
          `spec.servers[${index}].port.protocol`,
          `the protocol ${server.port.protocol}${mode}`,
        );
        continue;
      }
      const bind = server.bind || "0.0.0.0";
      for (const port of listenPorts(context, server.port.number)) {
        const key = `${bind}_${port}`;
        const known = groups.get(key) ?? {
          group: { bind, ownBind: Boolean(server.bind), port },
          servers: [],
        };
        groups.set(key, known);
        known.servers.push(entry);
      }
    }
  }
  return [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { group, servers }]) => ({ ...group, servers }));
}

/** Name of a group's route table for plain HTTP: `http.8080`, or `http.8080.10.0.0.1` with an address of its own. */
export function httpTableName({ port, bind, ownBind }: ServerGroup): string {
  return ownBind ? `http.${port}.${bind}` : `http.${port}`;
}

/** Name of a TLS server's own route table: `https.443.PORTNAME.GATEWAY.NAMESPACE`. */
export function httpsTableName({ gateway, server }: GatewayServer): string {
  return `https.${server.port.number}.${server.port.name}.${gateway.name}.${gateway.namespace}`;
}
