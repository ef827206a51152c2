import type { HeaderMap } from "./headers.ts";
import type { RequestHead } from "./request.ts";

/** A request that the proxy makes itself. */
export interface ClusterRequest {
  readonly head: RequestHead;
  readonly body?: Buffer;
  /** For connection, request and response together; 0 for none. */
  readonly timeoutMs: number;
  /** A longer response counts as none. */
  readonly maxResponseBytes: number;
}

/** What came of it. */
export type ClusterOutcome =
  | {
      readonly kind: "response";
      readonly status: number;
      readonly headers: HeaderMap;
      readonly body: Buffer;
      readonly trailers: HeaderMap;
    }
  /** `no-cluster`: there is none of that name, or no host of it that may be used. */
  | { readonly kind: "no-cluster" | "overflow" | "timeout" | "reset" | "too-large" };

/** Sends a request to a host of a cluster, once. Calls back once, never before it returns; the function it gives cancels. */
export type CallCluster = (
  cluster: string,
  request: ClusterRequest,
  done: (outcome: ClusterOutcome) => void,
) => () => void;
