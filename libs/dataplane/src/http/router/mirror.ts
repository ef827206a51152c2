import type { ClientStream } from "../../codec/codec.ts";
import type { WriteOutcome } from "../../runtime/http-filter.ts";
import { RequestHead } from "../../runtime/request.ts";
import type { MirrorPolicy } from "../../runtime/route.ts";
import type { PooledConnection } from "../../upstream/connection.ts";
import { WheelTimer } from "../timer-wheel.ts";
import type { RequestBody } from "./request-body.ts";
import type { RouterContext } from "./router.ts";
import { upstreamProtocol } from "./upstream-protocol.ts";
import { type TryOwner, UpstreamTry } from "./upstream-try.ts";

/** How long a copy may take where its request has no timeout. */
const longestMs = 15_000;

/**
 * Sends a copy of a complete request to a cluster, once, and lets its answer go. Nothing of what becomes of it is seen
 * by the client. https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-routeaction-requestmirrorpolicy
 */
export function mirrorRequest(
  context: RouterContext,
  mirror: MirrorPolicy,
  request: { readonly head: RequestHead; readonly body: RequestBody; readonly timeoutMs: number },
): void {
  const cluster = context.clusters.get(mirror.cluster(request.head));
  const host = cluster?.pick({});
  if (cluster === undefined || host === undefined) return;
  const permit = cluster.acquire("request");
  if (permit === undefined) return;
  const { traffic, pool } = context.pools.of(cluster);
  traffic.requests.inc();
  const copy = new Mirror(shadowOf(request.head, mirror.marksHost), request.body);
  const attempt = new UpstreamTry(
    copy,
    pool(host, upstreamProtocol(cluster, request.head.protocol, undefined)),
    host,
    permit,
  );
  const timer = new WheelTimer(() => attempt.abandon());
  copy.onDone = () => context.wheel.cancel(timer);
  context.wheel.arm(timer, request.timeoutMs > 0 ? request.timeoutMs : longestMs);
  attempt.start();
}

/** As Envoy marks it, unless told not to: `-shadow` after the host, before the port. */
function shadowOf(head: RequestHead, marksHost: boolean): RequestHead {
  const authority = !marksHost ? head.authority : head.authority.replace(/^(.*?)(:\d+)?$/, "$1-shadow$2");
  const copy = new RequestHead(head.method, head.path, authority, head.protocol, head.headers.clone());
  copy.scheme = head.scheme;
  return copy;
}

class Mirror implements TryOwner {
  onDone: () => void = () => {};
  readonly #head: RequestHead;
  readonly #body: RequestBody;

  constructor(head: RequestHead, body: RequestBody) {
    this.#head = head;
    this.#body = body.copy();
  }

  sendRequest(attempt: UpstreamTry, connection: PooledConnection): ClientStream {
    const stream = connection.request(this.#head, this.#body.absent, attempt);
    if (!this.#body.absent) this.#body.sendTo(stream);
    return stream;
  }

  onTryHead(_attempt: UpstreamTry, _head: unknown, endStream: boolean): void {
    if (endStream) this.onDone();
  }
  onTryData(_attempt: UpstreamTry, _chunk: unknown, endStream: boolean): WriteOutcome {
    if (endStream) this.onDone();
    return "written";
  }
  onTryTrailers(): void {
    this.onDone();
  }
  onTryFailed(): void {
    this.onDone();
  }
  onTryFault(): void {
    this.onDone();
  }
  onTryInformational(): void {}
  onTryWritable(): void {}
}
