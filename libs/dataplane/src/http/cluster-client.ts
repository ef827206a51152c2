import type { ClientStream } from "../codec/codec.ts";
import type { ClusterSet } from "../runtime/cluster.ts";
import type { CallCluster, ClusterOutcome, ClusterRequest } from "../runtime/cluster-call.ts";
import { HeaderMap } from "../runtime/headers.ts";
import type { WriteOutcome } from "../runtime/http-filter.ts";
import type { ResponseHead } from "../runtime/request.ts";
import type { PooledConnection } from "../upstream/connection.ts";
import type { UpstreamPools } from "../upstream/pools.ts";
import { upstreamProtocol } from "./router/upstream-protocol.ts";
import { type TryOwner, UpstreamTry } from "./router/upstream-try.ts";
import { type TimerWheel, WheelTimer } from "./timer-wheel.ts";

/** What calls are made with. */
export interface ClusterClientOptions {
  readonly clusters: ClusterSet;
  readonly pools: UpstreamPools;
  readonly wheel: TimerWheel;
}

/** Makes the function by which filters ask services of their own: keys, decisions. */
export function createClusterClient({ clusters, pools, wheel }: ClusterClientOptions): CallCluster {
  return (name, request, done) => {
    const cluster = clusters.get(name);
    const host = cluster?.pick({});
    const permit = host && cluster?.acquire("request");
    if (cluster === undefined || host === undefined || permit === undefined) {
      let cancelled = false;
      const kind = host === undefined ? "no-cluster" : "overflow";
      queueMicrotask(() => {
        if (!cancelled) done({ kind });
      });
      return () => {
        cancelled = true;
      };
    }
    const { traffic, pool } = pools.of(cluster);
    traffic.requests.inc();
    const timer = new WheelTimer(() => call.end({ kind: "timeout" }));
    const call = new ClusterCall(request, (outcome) => {
      wheel.cancel(timer);
      cluster.report(
        host,
        outcome.kind === "response" ? outcome : { kind: outcome.kind === "timeout" ? "timeout" : "reset" },
      );
      done(outcome);
    });
    call.attempt = new UpstreamTry(
      call,
      pool(host, upstreamProtocol(cluster, request.head.protocol, undefined)),
      host,
      permit,
    );
    if (request.timeoutMs > 0) wheel.arm(timer, request.timeoutMs);
    queueMicrotask(() => call.start());
    return () => {
      wheel.cancel(timer);
      call.cancel();
    };
  };
}

class ClusterCall implements TryOwner {
  attempt: UpstreamTry | undefined;
  readonly #request: ClusterRequest;
  #done: ((outcome: ClusterOutcome) => void) | undefined;
  #head: ResponseHead | undefined;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(request: ClusterRequest, done: (outcome: ClusterOutcome) => void) {
    this.#request = request;
    this.#done = done;
  }

  start(): void {
    if (this.#done !== undefined) this.attempt?.start();
  }

  cancel(): void {
    this.#done = undefined;
    this.attempt?.abandon();
  }

  end(outcome: ClusterOutcome): void {
    const done = this.#done;
    this.#done = undefined;
    this.attempt?.abandon();
    done?.(outcome);
  }

  #respond(trailers: HeaderMap): void {
    const head = this.#head;
    if (head === undefined) return;
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks); // its one
    this.end({ kind: "response", status: head.status, headers: head.headers, body, trailers });
  }

  // TryOwner

  sendRequest(attempt: UpstreamTry, connection: PooledConnection): ClientStream {
    const { head, body } = this.#request;
    const stream = connection.request(head, body === undefined, attempt);
    if (body !== undefined) stream.writeData(body, true);
    return stream;
  }

  onTryHead(_attempt: UpstreamTry, head: ResponseHead, endStream: boolean): void {
    this.#head = head;
    if (endStream) this.#respond(new HeaderMap());
  }

  onTryData(_attempt: UpstreamTry, chunk: Buffer, endStream: boolean): WriteOutcome {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#request.maxResponseBytes) {
      this.end({ kind: "too-large" });
      return "written";
    }
    // The chunk stands in a buffer that is read into again.
    if (chunk.length > 0) this.#chunks.push(Buffer.from(chunk));
    if (endStream) this.#respond(new HeaderMap());
    return "written";
  }

  onTryTrailers(_attempt: UpstreamTry, trailers: HeaderMap): void {
    this.#respond(trailers);
  }

  onTryFailed(): void {
    this.end({ kind: "reset" });
  }

  onTryFault(): void {
    this.end({ kind: "reset" });
  }

  onTryInformational(): void {}
  onTryWritable(): void {}
}
