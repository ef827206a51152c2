import { Duplex } from "node:stream";
import type { ClientStream } from "../codec/codec.ts";
import type { Cluster, Host, Permit } from "../runtime/cluster.ts";
import type { ConnectionInfo } from "../runtime/connection.ts";
import type { WriteOutcome } from "../runtime/http-filter.ts";
import type { RequestHead, ResponseHead } from "../runtime/request.ts";
import type { OpenTunnel } from "../runtime/tunnel.ts";
import type { PooledConnection } from "../upstream/connection.ts";
import type { UpstreamPools } from "../upstream/pools.ts";
import { upstreamProtocol } from "./router/upstream-protocol.ts";
import { type TryFailure, type TryOwner, UpstreamTry } from "./router/upstream-try.ts";

/** Makes the function that opens tunnels through the proxy's own HTTP connections. */
export function createTunnels(pools: UpstreamPools): OpenTunnel {
  return (cluster, host, head, connection) => {
    const permit = cluster.acquire("request");
    if (permit === undefined) return undefined;
    const tunnel = new Tunnel(head);
    tunnel.open(pools, { cluster, host, permit, connection });
    return tunnel;
  };
}

/** A request whose body goes out, and whose response's body comes in; emits `connect` once it is granted. */
class Tunnel extends Duplex implements TryOwner {
  readonly #head: RequestHead;
  #attempt: UpstreamTry | undefined;
  #writable: (() => void) | undefined;

  constructor(head: RequestHead) {
    super({ allowHalfOpen: true });
    this.#head = head;
  }

  open(
    pools: UpstreamPools,
    to: {
      readonly cluster: Cluster;
      readonly host: Host;
      readonly permit: Permit;
      readonly connection: ConnectionInfo;
    },
  ): void {
    const { cluster, host, permit, connection } = to;
    const { traffic, pool } = pools.of(cluster);
    traffic.requests.inc();
    const protocol = upstreamProtocol(cluster, undefined, undefined, connection);
    this.#attempt = new UpstreamTry(this, pool(host, protocol), host, permit);
    // Not at once: whoever asked for the tunnel has yet to listen.
    setImmediate(() => {
      if (!this.destroyed) this.#attempt?.start();
    });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const stream = this.#attempt?.stream;
    if (stream?.writeData(chunk, false) === "full") this.#writable = done;
    else done();
  }

  override _final(done: () => void): void {
    this.#attempt?.stream?.writeData(Buffer.alloc(0), true);
    done();
  }

  override _read(): void {
    this.#attempt?.stream?.hold(false);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#attempt?.abandon();
    done(error);
  }

  // TryOwner

  sendRequest(attempt: UpstreamTry, connection: PooledConnection): ClientStream {
    return connection.request(this.#head, false, attempt);
  }

  onTryHead(_attempt: UpstreamTry, head: ResponseHead, endStream: boolean): void {
    if (head.status < 200 || head.status > 299) {
      this.destroy(new Error(`the tunnel was refused with status ${head.status}`));
      return;
    }
    this.emit("connect");
    if (endStream) this.push(null);
  }

  onTryData(_attempt: UpstreamTry, chunk: Buffer, endStream: boolean): WriteOutcome {
    const more = chunk.length === 0 || this.push(chunk);
    if (endStream) this.push(null);
    return more ? "queued" : "full";
  }

  onTryTrailers(): void {
    this.push(null);
  }

  onTryFailed(_attempt: UpstreamTry, failure: TryFailure): void {
    const why = failure.kind === "pool" ? failure.failure.kind : failure.reason.kind;
    this.destroy(new Error(`the tunnel broke off: ${why}`));
  }

  onTryFault(error: unknown): void {
    this.destroy(error instanceof Error ? error : new Error(String(error)));
  }

  onTryWritable(): void {
    const done = this.#writable;
    this.#writable = undefined;
    done?.();
  }

  onTryInformational(): void {}
}
