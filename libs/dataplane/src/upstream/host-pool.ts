import type { Clock } from "@weft/base";
import type { Http1ClientOptions } from "../codec/http1/client.ts";
import type { TimerWheel } from "../http/timer-wheel.ts";
import type { Cluster, Host, Permit } from "../runtime/cluster.ts";
import { readyEvent } from "../runtime/transport.ts";
import type { ClusterTraffic } from "./cluster-traffic.ts";
import { type ConnectionOwner, PooledConnection, watchIdle } from "./connection.ts";
import { createReadBuffer } from "./read-buffer.ts";

/** Why no connection came about. */
export type PoolFailure =
  | { readonly kind: "overflow" | "timeout" }
  | { readonly kind: "connect"; readonly error: Error | undefined };

/** Waits for a connection of a pool. Exactly one of the two is called, perhaps before `acquire` returns. */
export interface PoolWaiter {
  onConnection(connection: PooledConnection): void;
  onPoolFailure(failure: PoolFailure): void;
}

/** What pools work with. */
export interface PoolDependencies {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly http1: Http1ClientOptions;
}

interface Pending {
  readonly waiter: PoolWaiter;
  readonly permit: Permit;
}

/** Connections to one host of one cluster. Bounded by the cluster's breakers: connections, and requests that wait. */
export class HostPool implements ConnectionOwner {
  readonly #cluster: Cluster;
  readonly #host: Host;
  readonly #traffic: ClusterTraffic;
  readonly #dependencies: PoolDependencies;
  /** Used last, taken first: so that what is not needed grows old and is closed. */
  readonly #idle: PooledConnection[] = [];
  readonly #pending: Pending[] = [];
  #connecting = 0;
  #open = 0;
  #draining = false;

  constructor(cluster: Cluster, host: Host, traffic: ClusterTraffic, dependencies: PoolDependencies) {
    this.#cluster = cluster;
    this.#host = host;
    this.#traffic = traffic;
    this.#dependencies = dependencies;
  }

  /** Gives the waiter a connection, at once where one is idle. */
  acquire(waiter: PoolWaiter): void {
    const connection = this.#idle.pop();
    if (connection !== undefined) {
      this.#dependencies.wheel.cancel(connection.idleTimer);
      waiter.onConnection(connection);
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
    if (this.#connecting < this.#pending.length) this.#connect();
  }

  /** Forgets a waiter that has not been called yet. */
  cancel(waiter: PoolWaiter): void {
    const at = this.#pending.findIndex((pending) => pending.waiter === waiter);
    if (at >= 0) this.#release(this.#pending.splice(at, 1));
  }

  /** Closes what is idle, and each other connection after its stream. Waiters still get theirs. */
  drain(): void {
    this.#draining = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  #release(pending: readonly Pending[]): void {
    for (const { permit } of pending) {
      permit.release();
      this.#traffic.pendingActive.dec();
    }
  }

  #connect(): void {
    const permit = this.#cluster.acquire("connection");
    // As Envoy: over the limit a host without any connection gets one nonetheless, or its requests would never go.
    if (permit === undefined && this.#open > 0) return;
    const { clock, http1 } = this.#dependencies;
    let connection: PooledConnection | undefined;
    const receive = (bytes: Buffer) => connection?.receive(bytes) ?? false;
    const socket = this.#cluster.connect(this.#host, createReadBuffer(receive));
    this.#connecting++;
    this.#open++;
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
      this.#open--;
      this.#failPending(failure);
    };
    socket.once("error", failed);
    socket.once("close", closed);
    socket.once(readyEvent(socket), () => {
      cancelTimeout();
      socket.off("close", closed);
      this.#connecting--;
      this.#traffic.connectionsHttp1.inc();
      connection = new PooledConnection(socket, http1, permit, this, () => this.#traffic.idleTimeouts.inc());
      socket.off("error", failed);
      socket.on("data", receive); // silent where the socket reads into our buffer
      this.onReusable(connection);
    });
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
    const limit = this.#cluster.maxRequestsPerConnection;
    if (limit > 0 && connection.streams >= limit) {
      this.#traffic.maxRequests.inc();
      connection.close();
      return;
    }
    const next = this.#pending.shift();
    if (next !== undefined) {
      this.#release([next]);
      next.waiter.onConnection(connection);
      return;
    }
    if (this.#draining) {
      connection.close();
      return;
    }
    this.#idle.push(connection);
    watchIdle(this.#dependencies.wheel, connection, this.#cluster.idleTimeoutMs);
  }

  onClose(connection: PooledConnection): void {
    this.#dependencies.wheel.cancel(connection.idleTimer);
    this.#open--;
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    // Those who waited for this connection to be free need another.
    if (this.#connecting < this.#pending.length) this.#connect();
  }
}
