import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";
import { systemClock } from "@weft/base";
import { type EncodedResource, fromEnvoyJson, typeUrls } from "@weft/envoy-api";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { silentLogger } from "@weft/observability";
import { encodeResource } from "@weft/xds";
import { parseBootstrap } from "./bootstrap/index.ts";
import { systemResolver } from "./cluster/index.ts";
import { createProxy, type ProxyServer } from "./proxy.ts";

/** For tests: Envoy's JSON of resources, as short as it gets. */
const type = (name: string) => `type.googleapis.com/${name}`;
const routerFilter = {
  name: "envoy.filters.http.router",
  typed_config: { "@type": type("envoy.extensions.filters.http.router.v3.Router") },
};

/** For tests: an address of the loopback. */
export const loopback = (port: number): JsonValue => ({
  socket_address: { address: "127.0.0.1", port_value: port },
});

/** For tests: endpoints on loopback. */
export const loadAssignment = (name: string, ...ports: readonly number[]): JsonValue => ({
  cluster_name: name,
  endpoints: [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: loopback(port) } })) }],
});

/** For tests: a connection manager in a filter chain. */
export const httpChain = (routes: JsonValue, more: Record<string, JsonValue> = {}): JsonValue => ({
  filters: [
    {
      name: "envoy.filters.network.http_connection_manager",
      typed_config: {
        "@type": type("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        stat_prefix: "test",
        http_filters: [routerFilter],
        ...(routes as Record<string, JsonValue>), // an object, by the callers below
        ...more,
      },
    },
  ],
});

/** For tests: routes that come by RDS. */
export const rds = (name: string): JsonValue => ({
  rds: { route_config_name: name, config_source: { ads: {}, resource_api_version: "V3" } },
});

/** For tests: one route for everything. */
export const routeConfiguration = (name: string, route: JsonValue): JsonValue => ({
  name,
  virtual_hosts: [
    { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, ...(route as object) }] },
  ],
});

/** For tests: a chain that passes bytes to a cluster. */
export const tcpChain = (cluster: string): JsonValue => ({
  filters: [
    {
      name: "envoy.filters.network.tcp_proxy",
      typed_config: {
        "@type": type("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"),
        stat_prefix: "test",
        cluster,
      },
    },
  ],
});

/** For tests: a listener at a free port of the loopback. */
export const listener = (
  name: string,
  chain: JsonValue,
  more: Record<string, JsonValue> = {},
): JsonValue => ({
  name,
  address: loopback(0),
  filter_chains: [chain],
  ...more,
});

const encoders = {
  cluster: { typeUrl: typeUrls.cluster, schema: ClusterSchema as DescMessage, name: "name" },
  endpoint: {
    typeUrl: typeUrls.endpoint,
    schema: ClusterLoadAssignmentSchema as DescMessage,
    name: "cluster_name",
  },
  listener: { typeUrl: typeUrls.listener, schema: ListenerSchema as DescMessage, name: "name" },
  route: { typeUrl: typeUrls.route, schema: RouteConfigurationSchema as DescMessage, name: "name" },
} as const;

/** For tests: encodes a resource for an xDS server. */
export function resource(kind: keyof typeof encoders, json: JsonValue): EncodedResource {
  const { typeUrl, schema, name } = encoders[kind];
  const key = (json as Record<string, string>)[name] ?? "";
  return encodeResource(key, typeUrl, toBinary(schema, fromEnvoyJson(schema, json)));
}

/** For tests: what is to be closed after each of them, last opened first. */
export function createCleanup() {
  const closers: (() => Promise<void> | void)[] = [];
  return {
    add: (close: () => Promise<void> | void) => {
      closers.push(close);
    },
    run: async () => {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}

/** For tests: an HTTP server that answers with its name and the path; gives its port. */
export async function startUpstream(
  name: string,
  cleanup: ReturnType<typeof createCleanup>,
): Promise<number> {
  const server: Server = createServer((request, response) => response.end(`${name} ${request.url}`));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanup.add(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return (server.address() as AddressInfo).port; // it listens on TCP
}

/** For tests: a proxy on the system's clock. */
export async function startProxy(
  bootstrap: JsonValue,
  cleanup: ReturnType<typeof createCleanup>,
): Promise<ProxyServer> {
  const proxy = createProxy({
    bootstrap: parseBootstrap([JSON.stringify(bootstrap)]),
    clock: systemClock,
    random: Math.random,
    resolver: systemResolver,
    logger: silentLogger,
    drainTimeMs: 2000,
    fileFlushIntervalMs: 10,
    commandLine: { mode: "Serve" },
    onQuit: () => {},
  });
  cleanup.add(() => proxy.close());
  await proxy.start();
  return proxy;
}

/** For tests: the port at which a listener takes connections. */
export function portOf(proxy: ProxyServer, name: string): number {
  const port = proxy.listeners.listeners.get(name)?.localAddresses[0]?.port;
  if (port === undefined) throw new Error(`there is no listener ${name}`);
  return port;
}

/** For tests: waits, a turn of the event loop at a time, until `condition` holds. */
export async function until(condition: () => boolean, what: string, timeoutMs = 4000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/**
 * For tests: an HTTP server that answers with the request as it came: its line, and headers sorted by name, those of
 * every request left out.
 */
export async function startEcho(
  cleanup: ReturnType<typeof createCleanup>,
  own = /^(?:host|connection|x-request-id|x-envoy-|x-forwarded-proto|x-case|content-length)/,
): Promise<number> {
  const server: Server = createServer(({ method, url, rawHeaders }, response) => {
    const values = new Map<string, string>();
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = (rawHeaders[i] ?? "").toLowerCase();
      const before = values.get(name);
      const value = rawHeaders[i + 1] ?? "";
      if (!own.test(name)) values.set(name, before === undefined ? value : `${before},${value}`);
    }
    const lines = [...values].map(([name, value]) => `${name}: ${value}`);
    response.end([`${method} ${url}`, ...lines.sort()].join("\n"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanup.add(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return (server.address() as AddressInfo).port; // it listens on TCP
}
