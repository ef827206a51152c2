import type { TLSSocket } from "node:tls";
import type { Clock } from "@weft/base";
import type { ClientOptions } from "../codec/client.ts";
import type { TimerWheel } from "../http/timer-wheel.ts";
import type { ProxiedAddresses } from "../proxy-protocol/header.ts";
import type { Cluster, Host, Permit } from "../runtime/cluster.ts";
import { type OfferedProtocols, readyEvent } from "../runtime/transport.ts";
import type { ClusterTraffic } from "./cluster-traffic.ts";
import { type ConnectionOwner, PooledConnection, watchIdle } from "./connection.ts";
import { createReadBuffer } from "./read-buffer.ts";

/** Why no connection came about. */
export type PoolFailure =
  | { readonly kind: "overflow" | "timeout" }
  | { readonly kind: "connect"; readonly error: Error | undefined };

/** Waits for a connection of a pool. Exactly one of the two is called, perhaps before `acquire` returns. */
export interface PoolWaiter {
  /** To be used at once: the room that there is goes to whoever asks next. */
  onConnection(connection: PooledConnection): void;
  onPoolFailure(failure: PoolFailure): void;
}

/** What a pool's connections speak. `auto`: what the handshake agrees on, HTTP/1 where it says nothing. */
export interface PoolProtocol {
  readonly kind: "http1" | "http2" | "auto";
  /** What is offered in the handshake in place of what the transport is configured with. */
  readonly offered?: readonly string[] | undefined;
  /** The downstream connection that all of the pool is for, where the upstream is told of it. */
  readonly downstream?: ProxiedAddresses | undefined;
}

/** What pools work with. */
export interface PoolDependencies {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  /** HTTP/2's settings are the cluster's. */
  readonly codec: Omit<ClientOptions, "http2">;
}

interface Pending {
  readonly waiter: PoolWaiter;
  readonly permit: Permit;
}

/** What is offered where the transport is not configured with anything. */
const defaultOffers: Readonly<Record<PoolProtocol["kind"], readonly string[]>> = {
  http1: ["http/1.1"],
  http2: ["h2"],
  auto: ["h2", "http/1.1"],
};

/** Requests that a connection of HTTP/2 is expected to take before it has said so. */
const expectedStreams = 100;

/**
 * Connections to one host of one cluster, of one protocol. Bounded by the cluster's breakers: connections, and
 * requests that wait.
 */
export class HostPool implements ConnectionOwner {
  readonly #cluster: Cluster;
  readonly #host: Host;
  readonly #protocol: PoolProtocol;
  readonly #traffic: ClusterTraffic;
  readonly #dependencies: PoolDependencies;
  /** Those with room for a stream. Used last, taken first: so that what is not needed grows old and is closed. */
  readonly #ready: PooledConnection[] = [];
  readonly #all = new Set<PooledConnection>();
  readonly #pending: Pending[] = [];
  #connecting = 0;
  /** Streams that a connection under way is expected to take. */
  #expected: number;
  #draining = false;

  constructor(
    cluster: Cluster,
    host: Host,
    protocol: PoolProtocol,
    traffic: ClusterTraffic,
    dependencies: PoolDependencies,
  ) {
    this.#cluster = cluster;
    this.#host = host;
    this.#protocol = protocol;
    this.#traffic = traffic;
    this.#dependencies = dependencies;
    this.#expected = protocol.kind === "http1" ? 1 : expectedStreams;
  }

  /** Gives the waiter a connection, at once where one has room. */
  acquire(waiter: PoolWaiter): void {
    const connection = this.#ready.pop();
    if (connection !== undefined) {
      connection.ready = false;
      this.#give(connection, waiter);
      this.#update(connection);
      return;
    }
    const permit = this.#cluster.acquire("pending");
    if (permit === undefined) {
      waiter.onPoolFailure({ kind: "overflow" });
      return;
    }
    this.#traffic.pendingTotal.inc();
    this.#traffic.pendingActive.inc();
    this.#pending.push({ waiter, permit });
    this.#connectForPending();
  }

  #give(connection: PooledConnection, waiter: PoolWaiter): void {
    this.#dependencies.wheel.cancel(connection.idleTimer);
    waiter.onConnection(connection);
  }

  /** Forgets a waiter that has not been called yet. */
  cancel(waiter: PoolWaiter): void {
    const at = this.#pending.findIndex((pending) => pending.waiter === waiter);
    if (at >= 0) this.#release(this.#pending.splice(at, 1));
  }

  /** Closes what is idle, and each other connection after its streams. Waiters still get theirs. */
  drain(): void {
    this.#draining = true;
    for (const connection of [...this.#all]) this.#update(connection);
  }

  #release(pending: readonly Pending[]): void {
    for (const { permit } of pending) {
      permit.release();
      this.#traffic.pendingActive.dec();
    }
  }

  #connectForPending(): void {
    if (this.#connecting * this.#expected < this.#pending.length) this.#connect();
  }

  #connect(): void {
    const permit = this.#cluster.acquire("connection");
    // As Envoy: over the limit a host without any connection gets one nonetheless, or its requests would never go.
    if (permit === undefined && this.#all.size + this.#connecting > 0) return;
    const { clock } = this.#dependencies;
    let connection: PooledConnection | undefined;
    const receive = (bytes: Buffer) => connection?.receive(bytes) ?? false;
    const socket = this.#cluster.connect(
      this.#host,
      createReadBuffer(receive),
      this.#offers(),
      this.#protocol.downstream,
    );
    this.#connecting++;
    let failure: PoolFailure = { kind: "connect", error: undefined };
    const cancelTimeout = clock.after(this.#cluster.connectTimeoutMs, () => {
      failure = { kind: "timeout" };
      this.#traffic.connectTimeouts.inc();
      socket.destroy();
    });
    const failed = (error: Error) => {
      if (failure.kind === "connect") failure = { kind: "connect", error };
    };
    const closed = () => {
      cancelTimeout();
      permit?.release();
      this.#connecting--;
      this.#failPending(failure);
    };
    socket.once("error", failed);
    socket.once("close", closed);
    socket.once(readyEvent(socket), () => {
      cancelTimeout();
      socket.off("close", closed);
      this.#connecting--;
      const protocol = this.#agreed(socket as Partial<TLSSocket>); // a raw socket has no alpnProtocol
      this.#traffic.connectionOpened(protocol);
      connection = new PooledConnection({
        socket,
        protocol,
        options: { ...this.#dependencies.codec, http2: this.#cluster.http2 },
        permit,
        owner: this,
        maxStreams: this.#cluster.maxRequestsPerConnection,
        onIdleTimeout: () => this.#traffic.idleTimeouts.inc(),
      });
      this.#all.add(connection);
      socket.off("error", failed);
      socket.on("data", receive); // silent where the socket reads into our buffer
      this.onReusable(connection);
      this.#connectForPending();
    });
  }

  #offers(): OfferedProtocols {
    const { kind, offered } = this.#protocol;
    return offered === undefined ? { fallback: defaultOffers[kind] } : { instead: offered };
  }

  #agreed({ alpnProtocol }: Partial<TLSSocket>): "http1" | "http2" {
    const { kind } = this.#protocol;
    if (kind !== "auto") return kind;
    const protocol = alpnProtocol === "h2" ? "http2" : "http1";
    this.#expected = protocol === "http1" ? 1 : expectedStreams;
    return protocol;
  }

  #failPending(failure: PoolFailure): void {
    const failed = this.#pending.splice(0);
    this.#release(failed);
    for (const { waiter } of failed) {
      this.#traffic.pendingFailures.inc();
      waiter.onPoolFailure(failure);
    }
  }

  // ConnectionOwner

  onReusable(connection: PooledConnection): void {
    while (connection.room > 0) {
      const next = this.#pending.shift();
      if (next === undefined) break;
      this.#release([next]);
      this.#give(connection, next.waiter);
    }
    this.#update(connection);
  }

  /** Keeps the connection among those with room, or closes it, as its state asks. */
  #update(connection: PooledConnection): void {
    if (connection.closed) return;
    if (connection.active === 0) {
      if (connection.usedUp) this.#traffic.maxRequests.inc();
      if (connection.usedUp || this.#draining) {
        connection.close();
        return;
      }
      watchIdle(this.#dependencies.wheel, connection, this.#cluster.idleTimeoutMs);
    }
    const ready = connection.room > 0;
    if (ready === connection.ready) return;
    connection.ready = ready;
    if (ready) this.#ready.push(connection);
    else this.#ready.splice(this.#ready.indexOf(connection), 1);
  }

  onClose(connection: PooledConnection): void {
    this.#dependencies.wheel.cancel(connection.idleTimer);
    this.#all.delete(connection);
    if (connection.ready) this.#ready.splice(this.#ready.indexOf(connection), 1);
    // Those who waited for this connection to be free need another.
    this.#connectForPending();
  }
}
