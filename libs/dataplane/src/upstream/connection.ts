import type { Socket } from "node:net";
import { type ClientOptions, createClientConnection } from "../codec/client.ts";
import type { ClientConnection, ClientHandler, ClientStream, ResponseReceiver } from "../codec/codec.ts";
import { type TimerWheel, WheelTimer } from "../http/timer-wheel.ts";
import type { Permit } from "../runtime/cluster.ts";
import type { SocketAddress, UpstreamIdentity } from "../runtime/connection.ts";
import type { RequestHead } from "../runtime/request.ts";
import { upstreamIdentity } from "../tls/upstream-identity.ts";

/** What a pooled connection tells its pool. */
export interface ConnectionOwner {
  /** It may have room for more streams, or none under way. */
  onReusable(connection: PooledConnection): void;
  onClose(connection: PooledConnection): void;
}

/** What a pooled connection is made of. */
export interface ConnectionParts {
  readonly socket: Socket;
  readonly protocol: "http1" | "http2";
  readonly options: ClientOptions;
  readonly permit: Permit | undefined;
  readonly owner: ConnectionOwner;
  /** Streams after which it is closed; 0 for no limit. */
  readonly maxStreams: number;
  readonly onIdleTimeout: () => void;
}

/** An upstream connection in its pool: idle, or with streams, at most one of them in HTTP/1. */
export class PooledConnection implements ClientHandler {
  readonly socket: Socket;
  readonly protocol: "http1" | "http2";
  /** Who is at its ends; undefined without TLS. */
  readonly identity: UpstreamIdentity | undefined;
  /** Streams that this connection has carried; the first is 1. */
  streams = 0;
  closed = false;
  /** Among those that its pool gives out. For the pool. */
  ready = false;
  readonly idleTimer: WheelTimer;
  readonly #client: ClientConnection;
  readonly #permit: Permit | undefined;
  readonly #owner: ConnectionOwner;
  readonly #maxStreams: number;

  constructor({ socket, protocol, options, permit, owner, maxStreams, onIdleTimeout }: ConnectionParts) {
    this.socket = socket;
    this.protocol = protocol;
    this.identity = upstreamIdentity(socket);
    this.#permit = permit;
    this.#owner = owner;
    this.#maxStreams = maxStreams;
    this.idleTimer = new WheelTimer(() => {
      onIdleTimeout();
      this.close();
    });
    this.#client = createClientConnection(protocol, socket, options, this);
  }

  /** Takes bytes from the socket; true where it keeps a view on them. */
  receive(bytes: Buffer): boolean {
    return this.#client.receive(bytes);
  }

  /** Streams that may be opened now. */
  get room(): number {
    return this.usedUp ? 0 : this.#client.room;
  }

  /** Streams under way. */
  get active(): number {
    return this.#client.active;
  }

  /** Has carried as many streams as it may. */
  get usedUp(): boolean {
    return this.#maxStreams > 0 && this.streams >= this.#maxStreams;
  }

  request(head: RequestHead, endStream: boolean, receiver: ResponseReceiver): ClientStream {
    this.streams++;
    return this.#client.request(head, endStream, receiver);
  }

  /** This end, as the upstream sees it. */
  get localAddress(): SocketAddress | undefined {
    const { localAddress, localPort } = this.socket;
    return localAddress === undefined || localPort === undefined
      ? undefined
      : { address: localAddress, port: localPort };
  }

  close(): void {
    this.#client.close();
  }

  // ClientHandler

  onReusable(): void {
    if (!this.closed) this.#owner.onReusable(this);
  }

  onClose(): void {
    if (this.closed) return;
    this.closed = true;
    this.#permit?.release();
    this.#owner.onClose(this);
  }
}

/** Arms the idle timer of a connection that waits for its next stream; 0 for none. */
export function watchIdle(wheel: TimerWheel, connection: PooledConnection, idleMs: number): void {
  if (idleMs > 0) wheel.arm(connection.idleTimer, idleMs);
}
