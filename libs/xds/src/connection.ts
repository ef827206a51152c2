import type { ResourceSet } from "@weft/envoy-api";
import type { Node } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type { Interest } from "./interest.ts";
import type { TypeStatus } from "./status.ts";
import type { Exchange, Rejection, XdsMode } from "./subscription.ts";

/** One client's stream, once it has said who it is. */
export interface XdsConnection {
  /** Unique in this server: the node's id and a number, as Istio's connection ids. */
  readonly id: string;
  readonly mode: XdsMode;
  /** The one type of a single-type service's stream; undefined for ADS. */
  readonly typeUrl: string | undefined;
  /** What the client says of itself, in its first request. */
  readonly node: Node;
  /** What `authenticate` found out about it; undefined without one. */
  readonly identity: string | undefined;
  /** The client's address. */
  readonly peer: string;
  /** Milliseconds since the epoch. */
  readonly connectedAt: number;
  /**
   * Sets what the client should have. The server sends what the client's subscriptions make of it, as fast as the client
   * takes it; a newer set replaces one that waits. Sets should share the maps of the types that did not change.
   */
  update(set: ResourceSet): void;
  /** How far the client is, for each type it subscribed to, in the order types are sent. */
  status(): readonly TypeStatus[];
  /**
   * Whether the client has answered for all that the present set gives it of a type, removals that are held back aside. True
   * also for a type that it did not subscribe to.
   */
  settled(typeUrl: string): boolean;
  /** Ends the stream; the client gets the reason with the gRPC status UNAVAILABLE, and comes back. */
  close(reason: string): void;
}

/** What happens on the streams, for status, metrics and the bus. */
export type XdsServerEvent =
  | { readonly kind: "connected"; readonly connection: XdsConnection }
  | {
      readonly kind: "subscribed";
      readonly connection: XdsConnection;
      readonly typeUrl: string;
      readonly interest: Interest;
    }
  | {
      readonly kind: "sent";
      readonly connection: XdsConnection;
      readonly typeUrl: string;
      readonly sent: Exchange;
      readonly resources: number;
      readonly removed: number;
      readonly bytes: number;
    }
  | {
      readonly kind: "flushed";
      readonly connection: XdsConnection;
      readonly typeUrl: string;
      /** From the begin of sending the last response of this type until it had left, milliseconds. */
      readonly ms: number;
    }
  | {
      readonly kind: "acked";
      readonly connection: XdsConnection;
      readonly typeUrl: string;
      readonly acked: Exchange;
    }
  | {
      readonly kind: "nacked";
      readonly connection: XdsConnection;
      readonly typeUrl: string;
      readonly nacked: Rejection;
    }
  | { readonly kind: "disconnected"; readonly connection: XdsConnection };
