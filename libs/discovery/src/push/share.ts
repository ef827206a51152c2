import { contentHash, stableStringify } from "@weft/base";
import type { ResourceSet } from "@weft/envoy-api";
import type { ProxyNode, ProxyView } from "@weft/mesh-model";

/** Metadata that tells replicas of one workload apart and that no resource is made from. */
const perReplica: ReadonlySet<string> = new Set(["NAME", "OWNER", "NODE_NAME"]);

/** The part of a node that its resources may depend on, as a key. Addresses count, because a listener may bind one. */
export function nodeKey(node: ProxyNode): string {
  const { id: _id, name: _name, podName: _pod, metadata, ...rest } = node;
  const shared = Object.entries(metadata).filter(([field]) => !perReplica.has(field));
  return contentHash(stableStringify([rest, Object.fromEntries(shared)]));
}

/**
 * A key for what belongs to one proxy: views of one snapshot whose keys are equal give equal resources. What a proxy may reach is in
 * the scope's key, what it serves in its targets and its workload.
 */
export function viewKey(view: ProxyView, keyOfNode: string): string {
  const { scopeKey, serviceTargets, gateways, labels, workload } = view;
  const { podName: _pod, addresses: _addresses, ...pod } = workload ?? { podName: "", addresses: [] };
  const targets = serviceTargets.map(({ service, port, targetPort }) => [
    service.namespace,
    service.hostname,
    port.port,
    targetPort,
  ]);
  const gatewayNames = gateways.map(({ namespace, name }) => [namespace, name]);
  return contentHash(stableStringify([keyOfNode, scopeKey, labels, pod, targets, gatewayNames]));
}

/** What is made of views, shared between the proxies whose keys are equal. */
export interface SharedSets<T> {
  /** The result for the key; made by `make` where there is none of this snapshot. */
  get(snapshotVersion: string, key: string, make: () => T): T;
}

/** Creates an empty {@link SharedSets}; a new snapshot empties it, so it holds at most one result for each connected proxy. */
export function createSharedSets<T extends { readonly value: ResourceSet }>(): SharedSets<T> {
  let version: string | undefined;
  let sets = new Map<string, T>();
  return {
    get: (snapshotVersion, key, make) => {
      if (version !== snapshotVersion) {
        version = snapshotVersion;
        sets = new Map();
      }
      const known = sets.get(key);
      if (known !== undefined) return known;
      const made = make();
      sets.set(key, made);
      return made;
    },
  };
}
