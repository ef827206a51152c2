import type { ResetReason } from "../../codec/codec.ts";
import type { TryOutcome } from "../../runtime/cluster.ts";
import type { UpstreamResetReason } from "../local-reply.ts";
import type { TryReset } from "./retry.ts";
import type { TryFailure } from "./upstream-try.ts";

/** A failed try in the words of everybody who must know of it. */
export interface JudgedFailure {
  /** For the retry policy. */
  readonly reset: TryReset;
  /** For the client and the access log. */
  readonly reason: UpstreamResetReason;
  /** For the cluster; undefined where the host has no part in it. */
  readonly outcome: TryOutcome | undefined;
  /** What the transport socket said, where that is more than that there is no connection. */
  readonly transportFailure: string | undefined;
  /** For the response code details. */
  readonly connectError?: string | undefined;
}

/** https://www.rfc-editor.org/rfc/rfc9110#name-safe-methods */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Says what a failure means for a request with that method. */
export function judgeFailure(failure: TryFailure, method: string): JudgedFailure {
  return failure.kind === "pool" ? judgePool(failure) : judgeStream(failure, method);
}

/** A breaker is open: no host was asked. */
export const overflow: JudgedFailure = {
  reset: { kind: "overflow", beforeRequest: true },
  reason: "overflow",
  outcome: undefined,
  transportFailure: undefined,
};

function judgePool({ failure }: TryFailure & { readonly kind: "pool" }): JudgedFailure {
  if (failure.kind === "overflow") return overflow;
  return {
    reset: { kind: "connect-failure", beforeRequest: true },
    reason: failure.kind === "timeout" ? "connection timeout" : "remote connection failure",
    outcome: { kind: "connect-failure" },
    transportFailure: failure.kind === "connect" ? transportFailure(failure.error) : undefined,
    connectError: failure.kind === "connect" ? connectError(failure.error) : undefined,
  };
}

/** The system's words for why a connection failed, as Envoy quotes them. */
const systemWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EHOSTUNREACH: "No route to host",
  ENETUNREACH: "Network is unreachable",
  ETIMEDOUT: "Connection timed out",
};

function connectError(error: NodeJS.ErrnoException | undefined): string | undefined {
  const words = systemWords[error?.code ?? ""];
  return words === undefined ? undefined : `delayed connect error: ${words}`;
}

/** A connection that was refused needs no more words than that. */
function transportFailure(error: Error | undefined): string | undefined {
  return error === undefined || "syscall" in error ? undefined : error.message;
}

function judgeStream(
  { reason, stale }: TryFailure & { readonly kind: "stream" },
  method: string,
): JudgedFailure {
  const refused = reason.kind === "refused";
  return {
    reset: {
      kind: refused ? "refused" : "reset",
      // A server that closes an idle connection has not looked at what was on its way to it. Nobody can be sure of
      // that, so only requests that change nothing count as not sent.
      beforeRequest: refused || (stale && safeMethods.has(method)),
    },
    reason: reasons[reason.kind],
    outcome: { kind: "reset" },
    transportFailure: undefined,
  };
}

const reasons = {
  "protocol-error": "protocol error",
  "stream-reset": "remote reset",
  refused: "remote refused stream reset",
  "remote-close": "connection termination",
  "remote-reset": "connection termination",
  "local-close": "connection termination",
} as const satisfies Record<ResetReason["kind"], UpstreamResetReason>;
