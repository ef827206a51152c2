import { stableStringify } from "@weft/base";
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
  const nodesSame = before?.nodes === nodes;
  const byName = new Map<string, Workload>();
  for (const [key, stored] of pods.objects) {
    const old = before?.index.byName.get(key);
    if (old && nodesSame && before?.pods.objects.get(key) === stored) byName.set(key, old);
    else byName.set(key, keepEqual(old, readPod(stored, nodes)));
  }
  return { pods, nodes, index: Object.freeze({ byName, byAddress: indexAddresses(byName) }) };
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
function indexAddresses(byName: ReadonlyMap<string, Workload>): ReadonlyMap<string, readonly Workload[]> {
  const byAddress = new Map<string, readonly Workload[]>();
  for (const workload of byName.values()) {
    for (const address of workload.addresses) {
      const others = byAddress.get(address);
      byAddress.set(address, others ? [...others, workload].sort(compareNames) : [workload]);
    }
  }
  return byAddress;
}

function compareNames(a: Workload, b: Workload): number {
  const [first, second] = [`${a.namespace}/${a.podName}`, `${b.namespace}/${b.podName}`];
  return first < second ? -1 : first > second ? 1 : 0;
}
