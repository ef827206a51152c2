import type { ClientStream, ResetReason, ResponseReceiver } from "../../codec/codec.ts";
import type { Host, Permit } from "../../runtime/cluster.ts";
import type { HeaderMap } from "../../runtime/headers.ts";
import type { WriteOutcome } from "../../runtime/http-filter.ts";
import type { ResponseHead } from "../../runtime/request.ts";
import type { PooledConnection } from "../../upstream/connection.ts";
import type { HostPool, PoolFailure, PoolWaiter } from "../../upstream/host-pool.ts";

/** What a try tells the request it is a try of. After `onTryFailed` or the end of the response it says no more. */
export interface TryOwner {
  /** Connected: send the request's head and what there is of its body. */
  sendRequest(attempt: UpstreamTry, connection: PooledConnection): ClientStream;
  onTryInformational(head: ResponseHead): void;
  onTryHead(attempt: UpstreamTry, head: ResponseHead, endStream: boolean): void;
  onTryData(attempt: UpstreamTry, chunk: Buffer, endStream: boolean): WriteOutcome;
  onTryTrailers(attempt: UpstreamTry, trailers: HeaderMap): void;
  onTryFailed(attempt: UpstreamTry, failure: TryFailure): void;
  /** The upstream takes body bytes again. */
  onTryWritable(): void;
  /** One of the calls above threw. */
  onTryFault(error: unknown): void;
}

/** How a try failed: no connection, or a stream that broke off. */
export type TryFailure =
  | { readonly kind: "pool"; readonly failure: PoolFailure }
  | { readonly kind: "stream"; readonly reason: ResetReason; readonly stale: boolean };

/** One attempt to get a request answered by one host. Holds a request permit and counts on the host while it lasts. */
export class UpstreamTry implements PoolWaiter, ResponseReceiver {
  readonly host: Host;
  readonly #owner: TryOwner;
  readonly #pool: HostPool;
  readonly #permit: Permit;
  #connection: PooledConnection | undefined;
  #stream: ClientStream | undefined;
  #responding = false;
  #over = false;

  constructor(owner: TryOwner, pool: HostPool, host: Host, permit: Permit) {
    this.#owner = owner;
    this.#pool = pool;
    this.host = host;
    this.#permit = permit;
    host.activeRequests++;
  }

  /** Asks for a connection; may call back at once. */
  start(): void {
    this.#pool.acquire(this);
  }

  /** Where the request's body goes; undefined while there is no connection. */
  get stream(): ClientStream | undefined {
    return this.#stream;
  }

  /** Gives up: nothing more is heard of this try. */
  abandon(): void {
    if (!this.#end()) return;
    if (this.#connection === undefined) this.#pool.cancel(this);
    else this.#stream?.reset();
  }

  /** True once, the first time: what the try held is given back. */
  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.host.activeRequests--;
    this.#permit.release();
    return true;
  }

  // PoolWaiter

  onConnection(connection: PooledConnection): void {
    this.#connection = connection;
    try {
      this.#stream = this.#owner.sendRequest(this, connection);
    } catch (error) {
      // What was sent is half a request: the connection is of no use to others.
      connection.close();
      this.#owner.onTryFault(error);
      return;
    }
    // Given up while its request was being sent.
    if (this.#over) this.#stream.reset();
  }

  onPoolFailure(failure: PoolFailure): void {
    if (this.#end()) this.#failed({ kind: "pool", failure });
  }

  // ResponseReceiver

  onInformational(head: ResponseHead): void {
    if (!this.#over) this.#owner.onTryInformational(head);
  }

  onHead(head: ResponseHead, endStream: boolean): void {
    if (this.#over) return;
    this.#responding = true;
    if (endStream) this.#end();
    try {
      this.#owner.onTryHead(this, head, endStream);
    } catch (error) {
      this.#owner.onTryFault(error);
    }
  }

  onData(chunk: Buffer, endStream: boolean): WriteOutcome {
    if (this.#over) return "written";
    if (endStream) this.#end();
    return this.#owner.onTryData(this, chunk, endStream);
  }

  onTrailers(trailers: HeaderMap): void {
    if (this.#end()) this.#owner.onTryTrailers(this, trailers);
  }

  onReset(reason: ResetReason): void {
    if (!this.#end()) return;
    // The upstream closed an idle connection while this request was on its way to it.
    const connection = this.#connection;
    const stale = !this.#responding && connection?.protocol === "http1" && connection.streams > 1;
    this.#failed({ kind: "stream", reason, stale });
  }

  #failed(failure: TryFailure): void {
    try {
      this.#owner.onTryFailed(this, failure);
    } catch (error) {
      this.#owner.onTryFault(error);
    }
  }

  onWritable(): void {
    if (!this.#over) this.#owner.onTryWritable();
  }
}
