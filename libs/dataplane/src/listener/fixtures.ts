import type { NetworkFilter } from "../runtime/connection.ts";
import type { FilterChain, FilterChainMatch, ListenerConfig } from "../runtime/listener-config.ts";

const matchAll: FilterChainMatch = {
  destinationPrefixes: [],
  serverNames: [],
  transportProtocol: "",
  applicationProtocols: [],
  directSourcePrefixes: [],
  sourceType: "any",
  sourcePrefixes: [],
  sourcePorts: [],
};

/** For tests: a network filter that says its name, then echoes; `drain` ends the connection politely. */
export function echo(name: string): NetworkFilter {
  return ({ socket, head }) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.once("close", () => resolve());
    socket.write(`${name}:`);
    if (head.length > 0) socket.write(head);
    socket.on("data", (chunk) => socket.write(chunk)).resume();
    return { drain: () => socket.end("bye"), close: () => socket.destroy(), closed: promise };
  };
}

/** For tests: a chain that echoes. */
export function filterChain(name: string, match: Partial<FilterChainMatch> = {}): FilterChain {
  return { name, version: name, match: { ...matchAll, ...match }, handshakeTimeoutMs: 0, serve: echo(name) };
}

/** For tests: a listener at a free port of the loopback. */
export function listenerConfig(changes: Partial<ListenerConfig> = {}): ListenerConfig {
  return {
    name: "l",
    version: "1",
    addresses: [{ address: "127.0.0.1", port: 0 }],
    bindToPort: true,
    direction: "unspecified",
    useOriginalDst: false,
    listenerFilters: [],
    listenerFiltersTimeoutMs: 15_000,
    continueOnTimeout: false,
    filterChains: [],
    statPrefix: "l",
    backlog: 128,
    routeNames: [],
    routesTimeoutMs: 0,
    accessLogs: [],
    secrets: [],
    tlsMaterials: [],
    ...changes,
  };
}
