import type { Gateway, Server } from "@weft/istio-api";
import { bindsServices, type Config, gatewayTargets, isHttp, parseProtocol } from "@weft/mesh-model";
import type { BuildContext } from "../context.ts";
import type { Reporter } from "../problems.ts";
import { configRef } from "../refs.ts";
import { reportUnsupported } from "../unsupported.ts";

/** A server of a Gateway, with the Gateway it is of. */
export interface GatewayServer {
  readonly gateway: Config<Gateway>;
  readonly server: Server;
  readonly index: number;
}

/** What a server does with connections: route requests, in plain text or behind TLS, or pass bytes on. */
export type ServerKind = "http" | "https" | "tcp" | "tls" | "passthrough";

/** The servers of all Gateways that share a listener. */
export interface ServerGroup {
  readonly bind: string;
  /** Whether a Gateway asked for the address, which then is part of the route table's name. */
  readonly ownBind: boolean;
  /** Where the proxy listens: where the gateway's Service sends what comes to the servers' port. */
  readonly port: number;
  readonly servers: readonly GatewayServer[];
}

/** What a server does; see {@link ServerKind}. */
export function kindOf({ port, tls }: Server): ServerKind {
  const protocol = parseProtocol(port.protocol);
  if (isHttp(protocol)) return "http";
  if (tls === undefined) return "tcp";
  // PASSTHROUGH is the mode where none is set.
  const mode = tls.mode ?? "PASSTHROUGH";
  if (mode === "PASSTHROUGH" || mode === "AUTO_PASSTHROUGH") return "passthrough";
  return protocol === "HTTPS" ? "https" : "tls";
}

/** A label on services whose ports a Gateway that selects by labels does not mean. */
const noTranslationLabel = "experimental.istio.io/disable-gateway-port-translation";

/**
 * Where the proxy listens for a port of a Gateway. One that names its services means their ports, and nothing where
 * they have none of that number. One that selects workloads means the first service port of that number, else the
 * port itself.
 */
function listenPorts({ view }: BuildContext, gateway: Config<Gateway>, port: number): readonly number[] {
  const bound = bindsServices(gateway);
  const ports = gatewayTargets(gateway, view.serviceTargets)
    .filter((target) => target.port.port === port)
    .filter(({ service }) => bound || service.labels[noTranslationLabel] === undefined)
    .map(({ targetPort }) => targetPort);
  if (bound) return [...new Set(ports)].sort((a, b) => a - b);
  return [ports[0] ?? port];
}

/** The hosts of a server without their namespaces, in order, each once: the names that clients ask for. */
export function namesOf({ hosts }: Server): readonly string[] {
  return [...new Set(hosts.map((entry) => entry.slice(entry.indexOf("/") + 1)))].sort();
}

interface Draft extends ServerGroup {
  readonly servers: GatewayServer[];
}

/** Collects servers into listeners. What came first keeps its port and its names. */
class ServerMerger {
  readonly #groups = new Map<string, Draft>();
  /** Hosts of TLS servers, as written, by port and address. */
  readonly #hosts = new Set<string>();

  add(entry: GatewayServer, port: number, report: Reporter): void {
    const { server, index } = entry;
    const bind = server.bind || "0.0.0.0";
    const conflict = (message: string) => report.warn("server-conflict", `spec.servers[${index}]`, message);
    if (server.tls !== undefined) {
      const keys = server.hosts.map((host) => ({ host, key: `${bind}_${port}_${host}` }));
      const taken = keys.filter(({ key }) => this.#hosts.has(key)).map(({ host }) => host);
      if (taken.length > 0) {
        conflict(
          `port ${port} of ${bind} already has a server for ${taken.join(", ")}; this one is left out`,
        );
        return;
      }
      for (const { key } of keys) this.#hosts.add(key);
    }
    const key = `${bind}_${port}`;
    const group = this.#groups.get(key);
    if (group === undefined) {
      this.#groups.set(key, { bind, ownBind: Boolean(server.bind), port, servers: [entry] });
      return;
    }
    const reason = whyApart(group.servers, entry);
    if (reason === undefined) group.servers.push(entry);
    else conflict(`port ${port} of ${bind} ${reason}; this server is left out`);
  }

  groups(): readonly ServerGroup[] {
    return [...this.#groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  }
}

/** Why a server cannot share a listener with others; undefined where it can. */
function whyApart(servers: readonly GatewayServer[], entry: GatewayServer): string | undefined {
  const [first] = servers;
  if (first === undefined) return undefined;
  const [there, kind] = [kindOf(first.server), kindOf(entry.server)];
  if (there === "http" || there === "tcp")
    return there === kind && kind === "http"
      ? undefined
      : `already speaks ${first.server.port.protocol} for ${first.gateway.namespace}/${first.gateway.name}`;
  if (kind === "http" || kind === "tcp")
    return `already takes TLS for ${first.gateway.namespace}/${first.gateway.name}`;
  const table = kind === "https" ? httpsTableName(entry) : undefined;
  const same = servers.some((other) => kindOf(other.server) === "https" && httpsTableName(other) === table);
  return same
    ? `already has a server of the Gateway whose port is called ${entry.server.port.name}`
    : undefined;
}

/** The servers of all Gateways that select this proxy, by where it listens, in the order of address and port. */
export function groupServers(context: BuildContext): readonly ServerGroup[] {
  const merger = new ServerMerger();
  const unprivileged = String(context.view.node.metadata.UNPRIVILEGED_POD) === "true";
  for (const gateway of context.view.gateways) {
    const report = context.problems.for(configRef(gateway));
    reportUnsupported("Gateway", gateway, report);
    for (const [index, server] of (gateway.spec.servers ?? []).entries()) {
      const ports = listenPorts(context, gateway, server.port.number);
      const path = `spec.servers[${index}].port.number`;
      if (ports.length === 0)
        report.warn("no-service-port", path, `no service of the Gateway has port ${server.port.number}`);
      for (const port of ports) {
        if (unprivileged && port < 1024)
          report.warn("privileged-port", path, `an unprivileged pod cannot listen on port ${port}`);
        else merger.add({ gateway, server, index }, port, report);
      }
    }
  }
  return merger.groups();
}

/** Name of a group's route table for plain HTTP: `http.8080`, or `http.8080.10.0.0.1` with an address of its own. */
export function httpTableName({ port, bind, ownBind }: ServerGroup): string {
  return ownBind ? `http.${port}.${bind}` : `http.${port}`;
}

/** Name of a TLS server's own route table: `https.443.PORTNAME.GATEWAY.NAMESPACE`. */
export function httpsTableName({ gateway, server }: GatewayServer): string {
  return `https.${server.port.number}.${server.port.name}.${gateway.name}.${gateway.namespace}`;
}
