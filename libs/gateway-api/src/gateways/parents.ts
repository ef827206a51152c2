import type { Listener } from "@weft/istio-api";
import type { RouteKind } from "./listener-kinds.ts";

/** A listener that routes can attach to. */
export interface ParentListener {
  /** `namespace/name` of the Istio Gateway that stands for it. */
  readonly gateway: string;
  readonly listener: Listener;
  /** `namespace/host`, as the server has them. */
  readonly hosts: readonly string[];
  readonly kinds: readonly RouteKind[];
}

/** The usable listeners of each Gateway and ListenerSet, by {@link parentKey}. */
export type ParentListeners = ReadonlyMap<string, readonly ParentListener[]>;

/** Identity of what routes attach to. */
export function parentKey(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}
