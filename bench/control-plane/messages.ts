import type { XdsMode } from "@weft/xds";
import type { KubernetesObject } from "./objects.ts";

/** What main.ts tells the server: a change as a watch of Kubernetes would tell it, or a question for its figures. */
export type ToServer =
  | { readonly kind: "change"; readonly object: KubernetesObject }
  | { readonly kind: "usage" };

/** What the server used since it started; the longest hold of its event loop since it was asked last. */
export interface Usage {
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly heldMs: number;
}

/** What the server tells main.ts. */
export type FromServer =
  | { readonly kind: "ready"; readonly port: number /** URL of its metrics. */; readonly metrics: string }
  | { readonly kind: "usage"; readonly usage: Usage };

/** How clients ask: `vhds` is incremental, with virtual hosts as resources of their own. */
export const clientModes = ["delta", "vhds", "sotw"] as const satisfies readonly (XdsMode | "vhds")[];
/** One of {@link clientModes}. */
export type ClientMode = (typeof clientModes)[number];

/** What the clients are to do: connect so many. */
export interface ToClients {
  readonly port: number;
  readonly mode: ClientMode;
  /** Namespace of each. */
  readonly namespaces: readonly string[];
}

/** What the clients have got so far: told again and again while it changes. */
export interface FromClients {
  /** Clients that have something of all four types. */
  readonly complete: number;
  /** Milliseconds since the epoch of the last response. */
  readonly lastAt: number;
  /** Marks of changes, with the times at which a client got them. */
  readonly marks: readonly (readonly [mark: string, at: number])[];
}

/** Now, in milliseconds since the epoch with a fraction: of use between processes. */
export function timeNow(): number {
  return performance.timeOrigin + performance.now();
}
