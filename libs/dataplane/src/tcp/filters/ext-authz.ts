import type { Clock } from "@weft/base";
import type { MetadataSource } from "@weft/matching";
import type { Authorizer } from "../../ext-authz/index.ts";
import {
  type AcceptedConnection,
  type NetworkFilter,
  type NetworkFilterLayer,
  type ServedConnection,
  withMetadata,
} from "../../runtime/connection.ts";
import type { Counter, Gauge } from "../../runtime/stats.ts";
import type { AccessLogger } from "../../runtime/stream-info.ts";
import { refuseConnection } from "./refuse.ts";

/** Envoy's network ext_authz, compiled. */
export interface NetworkExtAuthzConfig {
  readonly authorizer: Authorizer;
  /** Whether a connection is checked at all. */
  readonly enabled: (metadata: MetadataSource) => boolean;
  /** Lets connections pass where no decision comes. */
  readonly failureModeAllow: boolean;
  readonly stats: {
    readonly total: Counter;
    readonly ok: Counter;
    readonly denied: Counter;
    readonly error: Counter;
    readonly failureModeAllowed: Counter;
    readonly closed: Counter;
    readonly disabled: Counter;
    readonly active: Gauge;
  };
  readonly accessLogs: readonly AccessLogger[];
  readonly clock: Clock;
}

/**
 * Asks an external authorizer about each connection, and fails closed. The connection is not read meanwhile, and the
 * filters after this one see nothing of it.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/ext_authz_filter
 */
export function createNetworkExtAuthz(config: NetworkExtAuthzConfig): NetworkFilterLayer {
  return (next) => (connection) => {
    if (!config.enabled((filter) => connection.info.metadata?.get(filter))) {
      config.stats.disabled.inc();
      return next(connection);
    }
    return new CheckedConnection(config, next, connection);
  };
}

/** Closed before it was decided on: nothing is left to be told. */
const refused: Pick<ServedConnection, "drain" | "close"> = { drain: () => {}, close: () => {} };

class CheckedConnection implements ServedConnection {
  readonly closed: Promise<void>;
  readonly #config: NetworkExtAuthzConfig;
  readonly #next: NetworkFilter;
  readonly #connection: AcceptedConnection;
  readonly #cancel: () => void;
  #served: Pick<ServedConnection, "drain" | "close"> | undefined;
  #draining = false;

  constructor(config: NetworkExtAuthzConfig, next: NetworkFilter, connection: AcceptedConnection) {
    this.#config = config;
    this.#next = next;
    this.#connection = connection;
    const { socket, info } = connection;
    this.closed = new Promise((resolve) => {
      if (socket.closed) resolve();
      else socket.once("close", () => resolve());
    });
    config.stats.total.inc();
    config.stats.active.inc();
    this.#cancel = config.authorizer(
      { connection: info, contextExtensions: {}, metadata: {}, routeMetadata: {} },
      (decision) => {
        config.stats.active.dec();
        if (decision.kind === "ok") {
          config.stats.ok.inc();
          this.#pass(decision.metadata);
        } else if (decision.kind === "error") {
          config.stats.error.inc();
          if (config.failureModeAllow) {
            config.stats.failureModeAllowed.inc();
            this.#pass(undefined);
          } else this.#refuse();
        } else {
          config.stats.denied.inc();
          this.#refuse();
        }
      },
    );
  }

  #pass(metadata: Readonly<Record<string, unknown>> | undefined): void {
    const { info } = this.#connection;
    const noted =
      metadata === undefined ? info : withMetadata(info, "envoy.filters.network.ext_authz", metadata);
    this.#served = this.#next({ ...this.#connection, info: noted });
    if (this.#draining) this.drain();
  }

  #refuse(): void {
    const { accessLogs, clock, stats } = this.#config;
    const { socket, info } = this.#connection;
    stats.closed.inc();
    this.#served = refuseConnection(socket, info, { flag: "UAEX", accessLogs, clock });
  }

  drain(): void {
    this.#draining = true;
    this.#served?.drain();
  }

  close(): void {
    if (this.#served !== undefined) {
      this.#served.close();
      return;
    }
    this.#cancel();
    this.#config.stats.active.dec();
    this.#served = refused;
    this.#connection.socket.destroy();
  }
}
