import { changedKeys, OverlayMap, stableStringify } from "@weft/base";
import type { Collection, Stored } from "./collections.ts";
import { toWorkload, type Workload } from "./kubernetes/workload.ts";
import type { WorkloadIndex } from "./snapshot.ts";

/** The pods, and what the next build may take over. */
export interface BuiltWorkloads {
  readonly pods: Collection;
  readonly nodes: Collection;
  readonly index: WorkloadIndex;
}

/** Builds the pod index. A pod whose fields are the same as before is the same object as before. */
export function buildWorkloads(
  pods: Collection,
  nodes: Collection,
  before: BuiltWorkloads | undefined,
): BuiltWorkloads {
  if (before?.pods === pods && before.nodes === nodes) return before;
  const last = before?.index ?? { byName: new Map<string, Workload>(), byAddress: new Map() };
  const changed = before?.nodes === nodes ? changedKeys(before.pods.objects, pods.objects) : undefined;
  // What changes on a node may show on each of its pods.
  const names = changed ?? new Set([...last.byName.keys(), ...pods.objects.keys()]);
  const byName = OverlayMap.over(last.byName).with(
    [...names].map((name) => {
      const stored = pods.objects.get(name);
      return [name, stored && keepEqual(last.byName.get(name), readPod(stored, nodes))];
    }),
  );
  return { pods, nodes, index: Object.freeze({ byName, byAddress: indexAddresses(byName, last) }) };
}

function keepEqual(old: Workload | undefined, now: Workload): Workload {
  return old && stableStringify(old) === stableStringify(now) ? old : Object.freeze(now);
}

function readPod({ object }: Stored, nodes: Collection): Workload {
  const { nodeName } = (object.body.spec ?? {}) as { nodeName?: string }; // Kubernetes has validated its own kinds.
  const node = nodeName === undefined ? undefined : nodes.objects.get(`/${nodeName}`);
  return toWorkload(object, node?.object.metadata.labels ?? {});
}

/** Pods by address; where several share one, in order of their names. */
function indexAddresses(
  byName: WorkloadIndex["byName"],
  last: WorkloadIndex,
): ReadonlyMap<string, readonly Workload[]> {
  const changes = new Map<string, readonly Workload[]>();
  const at = (address: string) => changes.get(address) ?? last.byAddress.get(address) ?? [];
  for (const name of changedKeys(last.byName, byName)) {
    const [old, now] = [last.byName.get(name), byName.get(name)];
    for (const address of old?.addresses ?? [])
      changes.set(
        address,
        at(address).filter((workload) => workload !== old),
      );
    for (const address of now?.addresses ?? [])
      if (now) changes.set(address, [...at(address), now].sort(compareNames));
  }
  const lists = [...changes].map(([address, list]) => [address, list.length > 0 ? list : undefined] as const);
  return OverlayMap.over(last.byAddress).with(lists);
}

function compareNames(a: Workload, b: Workload): number {
  const [first, second] = [`${a.namespace}/${a.podName}`, `${b.namespace}/${b.podName}`];
  return first < second ? -1 : first > second ? 1 : 0;
}
