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
  /** The last response that the client rejected, unless it accepted a later one. */
  readonly nacked: Rejection | undefined;
  /** Names asked for; undefined for all there are. */
  readonly names: ReadonlySet<string> | undefined;
}

/** The status of a subscription. */
export function toStatus(subscription: Subscription): TypeStatus {
  const { typeUrl, sent, acked, nacked, interest } = subscription;
  const state = sent === undefined ? "NOT SENT" : sent.nonce === acked?.nonce ? "SYNCED" : "STALE";
  return { typeUrl, state, sent, acked, nacked, names: interest.wildcard ? undefined : interest.names };
}
