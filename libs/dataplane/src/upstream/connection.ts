import type { Socket } from "node:net";
import type { ClientStream, ResponseReceiver } from "../codec/codec.ts";
import { createHttp1Client, type Http1Client, type Http1ClientOptions } from "../codec/http1/client.ts";
import { type TimerWheel, WheelTimer } from "../http/timer-wheel.ts";
import type { Permit } from "../runtime/cluster.ts";
import type { SocketAddress } from "../runtime/connection.ts";
import type { RequestHead } from "../runtime/request.ts";

/** What a pooled connection tells its pool. */
export interface ConnectionOwner {
  onReusable(connection: PooledConnection): void;
  onClose(connection: PooledConnection): void;
}

/** An upstream connection in its pool: idle, or with one stream. */
export class PooledConnection {
  readonly socket: Socket;
  /** Streams that this connection has carried; the first is 1. */
  streams = 0;
  closed = false;
  readonly idleTimer: WheelTimer;
  readonly #client: Http1Client;
  readonly #permit: Permit | undefined;
  readonly #owner: ConnectionOwner;

  constructor(
    socket: Socket,
    options: Http1ClientOptions,
    permit: Permit | undefined,
    owner: ConnectionOwner,
    onIdleTimeout: () => void,
  ) {
    this.socket = socket;
    this.#permit = permit;
    this.#owner = owner;
    this.idleTimer = new WheelTimer(() => {
      onIdleTimeout();
      this.close();
    });
    this.#client = createHttp1Client(socket, options, this);
  }

  /** Takes bytes from the socket; true where it keeps a view on them. */
  receive(bytes: Buffer): boolean {
    return this.#client.receive(bytes);
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
    this.#owner.onReusable(this);
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
