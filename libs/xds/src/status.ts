import type { RejectedResource } from "./rejection.ts";
import type { Exchange, Rejection, Subscription } from "./subscription.ts";

/** Istio's words for how far a client is. `STALE`: sent, and not accepted (yet). */
export type SyncState = "SYNCED" | "NOT SENT" | "STALE";

/** How far one client is with one resource type. */
export interface TypeStatus {
  readonly typeUrl: string;
  readonly state: SyncState;
  /** The last response sent on this stream. */
  readonly sent: Exchange | undefined;
  /** The last response that the client accepted. */
  readonly acked: Exchange | undefined;
  /** The last response that the client rejected, unless it accepted a later one and all that was in that. */
  readonly nacked: Rejection | undefined;
  /** Resources that the client does not take, by name, where it could be told; incremental only. */
  readonly rejected: ReadonlyMap<string, RejectedResource>;
  /** Names asked for; undefined for all there are. */
  readonly names: ReadonlySet<string> | undefined;
}

/** The status of a subscription. */
export function toStatus(subscription: Subscription): TypeStatus {
  const { typeUrl, sent, acked, nacked, rejected, interest } = subscription;
  const synced = sent?.nonce === acked?.nonce && rejected.size === 0;
  const state = sent === undefined ? "NOT SENT" : synced ? "SYNCED" : "STALE";
  return {
    typeUrl,
    state,
    sent,
    acked,
    nacked,
    rejected,
    names: interest.wildcard ? undefined : interest.names,
  };
}
