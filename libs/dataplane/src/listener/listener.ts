import type { Socket } from "node:net";
import type { Clock } from "@weft/base";
import type { Logger } from "@weft/observability";
import type { ProxiedAddresses } from "../proxy-protocol/header.ts";
import type { SocketAddress } from "../runtime/connection.ts";
import { type OnFault, oncePerError } from "../runtime/faults.ts";
import type { FilterChain, ListenerConfig } from "../runtime/listener-config.ts";
import { StreamInfo } from "../runtime/stream-info.ts";
import type { StatsScope } from "../stats/index.ts";
import { plainAddress, serveConnection, type TrackedConnection } from "./connection.ts";
import { createFilterChainMatcher, type FilterChainMatcher } from "./filter-chain-match.ts";
import { type Inspection, inspectConnection, uninspected } from "./inspect.ts";
import type { OriginalDestinationLookup } from "./original-destination.ts";
import { readProxyHeader } from "./proxy-protocol.ts";

/** What listeners are given from outside. */
export interface ListenerDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The process's scope; each listener counts under `listener.<address>.` of it. */
  readonly stats: StatsScope;
  readonly lookupOriginalDestination: OriginalDestinationLookup;
  /** How long drained connections may go on; then they are closed. */
  readonly drainTimeMs: number;
}

/** Finds the listener that a redirected connection belongs to. */
export type FindListener = (destination: SocketAddress) => Listener | undefined;

/** A listener's configuration at work: takes accepted sockets, tracks them until they close. */
export class Listener {
  #config: ListenerConfig;
  #match: FilterChainMatcher;
  #inspectsHttp: boolean;
  readonly #dependencies: ListenerDependencies;
  readonly #find: FindListener;
  readonly #stats: StatsScope;
  readonly #onFault: OnFault;
  readonly #connections = new Map<Socket, TrackedConnection>();

  constructor(config: ListenerConfig, find: FindListener, dependencies: ListenerDependencies) {
    this.#config = config;
    this.#find = find;
    this.#dependencies = dependencies;
    this.#onFault = oncePerError((err) =>
      dependencies.logger.error({ err, listener: config.name }, "internal error: a connection was closed"),
    );
    this.#stats = dependencies.stats.scope(`listener.${config.statPrefix}`);
    this.#match = createFilterChainMatcher(config.filterChains, config.defaultFilterChain);
    this.#inspectsHttp = needsHttpInspection(config);
  }

  get config(): ListenerConfig {
    return this.#config;
  }
  /** Open connections. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Takes a new configuration: new connections have it; those of chains that are no longer the same drain. */
  update(config: ListenerConfig): void {
    this.#config = config;
    this.#match = createFilterChainMatcher(config.filterChains, config.defaultFilterChain);
    this.#inspectsHttp = needsHttpInspection(config);
    const kept = new Set(chainsOf(config).map(({ version }) => version));
    this.drain(({ chainVersion }) => chainVersion !== undefined && !kept.has(chainVersion));
  }

  /** Lets connections finish what is under way; what is open after the drain time is closed. */
  drain(which: (connection: TrackedConnection) => boolean = () => true): void {
    const drained = [...this.#connections.values()].filter(which);
    if (drained.length === 0) return;
    for (const connection of drained) connection.drain();
    this.#dependencies.clock.after(this.#dependencies.drainTimeMs, () => {
      for (const connection of drained) connection.close();
    });
  }

  /** Closes all connections now. */
  close(): void {
    for (const connection of [...this.#connections.values()]) connection.close();
  }

  /** Takes a socket: accepted here, or handed over by the listener that accepted it (`redirected`). Never throws. */
  accept(socket: Socket, redirected?: SocketAddress): void {
    this.#guarded(socket, () => this.#accept(socket, redirected));
  }

  /** What throws costs the one connection that it happened to. */
  #guarded(socket: Socket, step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#stats.counter("downstream_cx_internal_error").inc();
      this.#onFault(error);
      socket.destroy();
    }
  }

  #accept(socket: Socket, redirected: SocketAddress | undefined): void {
    const config = this.#config;
    // A peer that is gone already has no address.
    if (socket.destroyed || (socket.remoteAddress === undefined && config.addresses[0]?.port !== 0)) {
      socket.destroy();
      return;
    }
    const local = { address: plainAddress(socket.localAddress), port: socket.localPort ?? 0 };
    const original = redirected ?? this.#originalDestination(socket, local);
    if (
      redirected === undefined &&
      config.useOriginalDst &&
      original !== undefined &&
      !isSame(original, local)
    ) {
      const owner = this.#find(original);
      if (owner !== undefined && owner !== this) {
        owner.accept(socket, original);
        return;
      }
    }
    this.#track(socket);
    this.#readProxyHeader(socket, (proxied) => {
      const destination = proxied?.destination ?? original ?? local;
      const addresses = { destination, original: proxied?.destination ?? original, source: proxied?.source };
      this.#inspect(socket, destination.port, (inspection) =>
        this.#guarded(socket, () => this.#serve(config, socket, inspection, addresses)),
      );
    });
  }

  /** Goes on with the addresses of the PROXY protocol, where the listener reads it and the sender gives them. */
  #readProxyHeader(socket: Socket, next: (proxied: ProxiedAddresses | undefined) => void): void {
    const { listenerFilters, listenerFiltersTimeoutMs } = this.#config;
    const filter = listenerFilters.find((one) => one.kind === "proxy-protocol");
    if (filter === undefined || filter.disabled(socket.localPort ?? 0)) {
      next(undefined);
      return;
    }
    const stats = this.#dependencies.stats.scope(filter.statPrefix);
    const refuse = () => {
      // Not by listener, as in Envoy.
      this.#dependencies.stats.counter("downstream_cx_proxy_proto_error").inc();
      socket.destroy();
    };
    const { clock } = this.#dependencies;
    // As in Envoy: where a header may be missing, one that is not allowed counts as missing.
    const ignored: ReadonlySet<1 | 2> = filter.optional ? filter.disallowedVersions : new Set();
    readProxyHeader(socket, { timeoutMs: listenerFiltersTimeoutMs, clock, ignored }, (header) =>
      this.#guarded(socket, () => {
        switch (header?.kind) {
          case undefined:
            socket.destroy();
            return;
          case "absent":
            stats.counter(filter.optional ? "not_found_allowed" : "not_found_disallowed").inc();
            if (filter.optional) next(undefined);
            else refuse();
            return;
          case "invalid":
            stats.counter(`versions.v${header.version}.error`).inc();
            refuse();
            return;
          case "found": {
            const disallowed = filter.disallowedVersions.has(header.version);
            stats.counter(`versions.v${header.version}.${disallowed ? "disallowed" : "found"}`).inc();
            if (disallowed) refuse();
            else next(header.addresses);
          }
        }
      }),
    );
  }

  #originalDestination(socket: Socket, local: SocketAddress): SocketAddress | undefined {
    const { listenerFilters, useOriginalDst } = this.#config;
    const filter = listenerFilters.find(({ kind }) => kind === "original-dst");
    // `use_original_dst` looks whether or not the filter is listed.
    if (filter === undefined ? !useOriginalDst : filter.disabled(local.port)) return undefined;
    return this.#dependencies.lookupOriginalDestination(socket);
  }

  #track(socket: Socket): void {
    const { clock } = this.#dependencies;
    const started = clock.monotonic();
    this.#stats.counter("downstream_cx_total").inc();
    const active = this.#stats.gauge("downstream_cx_active");
    active.inc();
    this.#connections.set(socket, {
      chainVersion: undefined,
      drain: () => {}, // not being served yet; its chain drains it once it is
      close: () => socket.destroy(),
    });
    // Errors end in `close`; whoever serves the connection looks at them.
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#connections.delete(socket);
      active.dec();
      this.#stats.counter("downstream_cx_destroy").inc();
      this.#stats.histogram("downstream_cx_length_ms").record(clock.monotonic() - started);
    });
  }

  #inspect(socket: Socket, port: number, next: (inspection: Inspection) => void): void {
    const { listenerFilters, listenerFiltersTimeoutMs, continueOnTimeout } = this.#config;
    const enabled = (kind: string) =>
      listenerFilters.some((filter) => filter.kind === kind && !filter.disabled(port));
    const tls = enabled("tls-inspector");
    const http = this.#inspectsHttp && enabled("http-inspector");
    if (!tls && !http) {
      next(uninspected);
      return;
    }
    const inspecting = this.#stats.gauge("downstream_pre_cx_active");
    inspecting.inc();
    const { clock } = this.#dependencies;
    inspectConnection(socket, { tls, http, timeoutMs: listenerFiltersTimeoutMs, clock }, (inspection) => {
      inspecting.dec();
      if (inspection?.timedOut === true) this.#stats.counter("downstream_pre_cx_timeout").inc();
      if (inspection === undefined || (inspection.timedOut && !continueOnTimeout)) socket.destroy();
      else next(inspection);
    });
  }

  #serve(
    config: ListenerConfig,
    socket: Socket,
    inspection: Inspection,
    addresses: {
      readonly destination: SocketAddress;
      readonly original: SocketAddress | undefined;
      /** What the PROXY protocol says. */
      readonly source: SocketAddress | undefined;
    },
  ): void {
    const { destination, original: originalDestination } = addresses;
    const direct = { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
    const source = addresses.source ?? direct;
    const { serverName, transportProtocol, applicationProtocols } = inspection;
    const { clock, logger } = this.#dependencies;
    const chain = this.#match({
      destination,
      source,
      directSourceAddress: direct.address,
      serverName,
      transportProtocol,
      applicationProtocols,
    });
    if (chain === undefined) {
      this.#stats.counter("no_filter_chain_match").inc();
      logger.debug({ listener: config.name, source, destination, serverName }, "no filter chain matches");
      this.#logRefusal(config, source, destination, serverName);
      socket.destroy();
      return;
    }
    const connection = serveConnection({
      socket,
      config,
      chain,
      inspection,
      local: destination,
      source,
      originalDestination,
      clock,
      logger,
      onHandshakeFailure: () => this.#stats.counter("downstream_cx_transport_socket_failed").inc(),
    });
    if (socket.destroyed) return;
    this.#connections.set(socket, connection);
    // The chain may have been replaced during inspection.
    if (config !== this.#config && !chainsOf(this.#config).some(({ version }) => version === chain.version)) {
      connection.drain();
    }
  }

  #logRefusal(config: ListenerConfig, source: SocketAddress, local: SocketAddress, serverName: string): void {
    if (config.accessLogs.length === 0) return;
    const { clock } = this.#dependencies;
    const info = new StreamInfo(
      {
        listener: config.name,
        direction: config.direction,
        filterChain: "",
        remoteAddress: source,
        directRemoteAddress: source,
        localAddress: local,
        ...(serverName !== "" && { serverName }),
      },
      clock.now(),
      clock.monotonic(),
    );
    info.flags.add("NR");
    info.details = "filter_chain_not_found";
    info.ended = info.started;
    for (const log of config.accessLogs) log(info);
  }
}

const chainsOf = ({ filterChains, defaultFilterChain }: ListenerConfig): readonly FilterChain[] =>
  defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];

const isSame = (a: SocketAddress, b: SocketAddress) => a.address === b.address && a.port === b.port;

/** Looking for HTTP delays protocols in which the server speaks first: done only where some chain asks. */
function needsHttpInspection({ filterChains }: ListenerConfig): boolean {
  return filterChains.some(({ match }) => match.applicationProtocols.length > 0);
}
