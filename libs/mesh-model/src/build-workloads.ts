import { stableStringify } from "@weft/base";
import { type Collection, emptyCollection, type Stored } from "./collections.ts";
import { groupBy } from "./group-by.ts";
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
  const nodesSame = (before?.nodes ?? emptyCollection) === nodes;
  const byName = new Map<string, Workload>();
  for (const [key, stored] of pods.objects) {
    const old = before?.index.byName.get(key);
    if (old && nodesSame && before?.pods.objects.get(key) === stored) {
      byName.set(key, old);
      continue;
    }
    const workload = readPod(stored, nodes);
    byName.set(
      key,
      old && stableStringify(old) === stableStringify(workload) ? old : Object.freeze(workload),
    );
  }
  const sorted = [...byName.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, workload]) => workload);
  const addressed = sorted.flatMap((workload) =>
    workload.addresses.map((address) => ({ address, workload })),
  );
  const byAddress = new Map(
    [...groupBy(addressed, ({ address }) => address)].map(([address, found]) => [
      address,
      found.map(({ workload }) => workload),
    ]),
  );
  return { pods, nodes, index: Object.freeze({ byName, byAddress }) };
}

function readPod({ object }: Stored, nodes: Collection): Workload {
  const { nodeName } = (object.body.spec ?? {}) as { nodeName?: string }; // Kubernetes has validated its own kinds.
  const node = nodeName === undefined ? undefined : nodes.objects.get(`/${nodeName}`);
  return toWorkload(object, node?.object.metadata.labels ?? {});
}
