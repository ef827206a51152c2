import type { RequestHead } from "../../runtime/request.ts";
import type { ForwardAction } from "../../runtime/route.ts";
import { isGrpc } from "../local-reply.ts";

/** Times allowed to one request; milliseconds, 0 for no limit. */
export interface RequestTimeouts {
  readonly routeMs: number;
  readonly perTryMs: number;
}

const number = /^\d{1,9}$/;

/** The timeouts of a request: its route's, unless its headers say otherwise. Takes those headers out. */
export function requestTimeouts(head: RequestHead, action: ForwardAction): RequestTimeouts {
  const { headers } = head;
  let routeMs = action.timeoutMs;
  if (action.maxGrpcTimeoutMs !== undefined && isGrpc(head)) {
    const asked = parseGrpcTimeout(headers.first("grpc-timeout"));
    const most = action.maxGrpcTimeoutMs;
    // Without the header a gRPC request may take as long as it likes, as far as the maximum allows.
    routeMs = asked === undefined ? most : most === 0 ? asked : Math.min(asked, most);
  }
  routeMs = takeNumber(head, "x-envoy-upstream-rq-timeout-ms") ?? routeMs;
  let perTryMs =
    takeNumber(head, "x-envoy-upstream-rq-per-try-timeout-ms") ?? action.retry?.perTryTimeoutMs ?? 0;
  // A try that may take as long as the whole needs no timer of its own.
  if (routeMs > 0 && perTryMs >= routeMs) perTryMs = 0;
  return { routeMs, perTryMs };
}

function takeNumber({ headers }: RequestHead, name: string): number | undefined {
  const text = headers.first(name);
  if (text === undefined) return undefined;
  headers.remove(name);
  return number.test(text) ? Number(text) : undefined;
}

const units: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds, at least 1. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests */
function parseGrpcTimeout(text: string | undefined): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text ?? "");
  if (match === null) return undefined;
  return Math.max(1, Math.ceil(Number(match[1]) * (units[match[2] as string] ?? 0)));
}
