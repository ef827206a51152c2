import type { Json, Pod } from "./types.ts";

/** Lists whose items Kubernetes knows by fields, so that patches of an item meet it; by the list's name. */
const mergeKeys: Readonly<Record<string, readonly string[]>> = {
  containers: ["name"],
  initContainers: ["name"],
  ephemeralContainers: ["name"],
  volumes: ["name"],
  env: ["name"],
  imagePullSecrets: ["name"],
  volumeMounts: ["mountPath"],
  volumeDevices: ["devicePath"],
  // The strategic merge knows ports by their number alone.
  ports: ["containerPort"],
  hostAliases: ["ip"],
  topologySpreadConstraints: ["topologyKey"],
};

/** Lists of plain values that are united. */
const united: readonly string[] = ["finalizers"];

/**
 * A pod with an overlay over it, as Kubernetes' strategic merge patch does: objects are merged, known lists by their
 * keys, other lists replaced; null removes. Items that only the overlay has come first.
 *
 * https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
 */
export function mergePod(pod: Pod, overlay: Json): Pod {
  return mergeObjects(pod, overlay);
}

function mergeObjects(base: Json, patch: Json): Json {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else if (value !== undefined) merged[name] = mergeValues(name, base[name], value);
  }
  return merged;
}

function mergeValues(name: string, base: unknown, patch: unknown): unknown {
  if (Array.isArray(patch)) {
    const keys = mergeKeys[name];
    const list = Array.isArray(base) ? (base as readonly unknown[]) : [];
    if (united.includes(name)) return [...new Set([...list, ...patch])];
    return keys && patch.every(isObject) ? mergeLists(list as readonly Json[], patch, keys) : patch;
  }
  if (isObject(patch)) return mergeObjects(isObject(base) ? base : {}, patch);
  return patch;
}

/**
 * What both have is merged. The order is that of the base as far as two items are both in it; an item that only the
 * overlay has goes before what comes next of the base.
 */
function mergeLists(base: readonly Json[], patch: readonly Json[], keys: readonly string[]): readonly Json[] {
  const keyOf = (item: Json) => JSON.stringify(keys.map((key) => item[key]));
  const baseKeys = base.map(keyOf);
  const patchKeys = patch.map(keyOf);
  const only = base.filter((item) => !patchKeys.includes(keyOf(item)));
  const patched = patch
    .filter((_, i) => patchKeys.indexOf(patchKeys[i] as string) === i)
    .map((item) => {
      const original = base[baseKeys.indexOf(keyOf(item))];
      const all = patch.filter((other) => keyOf(other) === keyOf(item));
      return all.reduce<Json>((merged, other) => mergeObjects(merged, other), original ?? {});
    });
  const order: Json[] = [];
  let left = 0;
  for (const item of patched) {
    const at = baseKeys.indexOf(keyOf(item));
    while (at >= 0 && left < only.length && baseKeys.indexOf(keyOf(only[left] as Json)) < at) {
      order.push(only[left++] as Json);
    }
    order.push(item);
  }
  return [...order, ...only.slice(left)];
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
