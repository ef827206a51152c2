import { contentHash } from "@weft/base";
import type { EncodedResource } from "@weft/envoy-api";

/** Resources of one type in the order of their names, each name once, with a hash over all of them. */
export interface ResourceList {
  readonly resources: readonly EncodedResource[];
  readonly version: string;
}

function byName(a: EncodedResource, b: EncodedResource): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

const empty: ResourceList = { resources: [], version: contentHash("") };

/**
 * Orders resources; the first of two with one name stays. What stands in `last` already is in order: few changes to a long list cost
 * little more than a look at each, and a list that is equal to `last` is `last`.
 */
export function toResourceList(unordered: readonly EncodedResource[], last = empty): ResourceList {
  const resources = reorder(unordered, last) ?? sort(unordered);
  const version = versionOf(resources);
  return version === last.version ? last : { resources, version };
}

/** A resource's version is the hash of the whole of it, its name included. */
function versionOf(resources: readonly EncodedResource[]): string {
  return contentHash(resources.map(({ version }) => version).join("\n"));
}

/** The list with these in the places of those with their names; undefined where one of the names is not in it. */
export function replaceIn(
  { resources }: ResourceList,
  changed: readonly EncodedResource[],
): ResourceList | undefined {
  const next = [...resources];
  for (const resource of changed) {
    const at = placeOf(resource.name, next);
    if (next[at]?.name !== resource.name) return undefined;
    next[at] = resource;
  }
  return { resources: next, version: versionOf(next) };
}

/** Index of the first resource whose name is not before this one. */
function placeOf(name: string, resources: readonly EncodedResource[]): number {
  let [low, high] = [0, resources.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = resources[middle]?.name ?? "";
    if (other < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

function sort(unordered: readonly EncodedResource[]): readonly EncodedResource[] {
  const sorted = [...unordered].sort(byName);
  return sorted.filter(({ name }, index) => name !== sorted[index - 1]?.name);
}

/** The order by way of the last; undefined where a name stands twice. */
function reorder(
  unordered: readonly EncodedResource[],
  { resources }: ResourceList,
): readonly EncodedResource[] | undefined {
  if (resources.length === 0) return undefined;
  const before = new Set(resources);
  const now = new Set(unordered);
  const added = unordered.filter((resource) => !before.has(resource)).sort(byName);
  const kept = resources.filter((resource) => now.has(resource));
  const merged = merge(added, kept);
  const twice = merged.some(({ name }, index) => name === merged[index - 1]?.name);
  return merged.length === unordered.length && !twice ? merged : undefined;
}

/** Both in one order; where both have a name, `first` keeps it. */
function merge(
  first: readonly EncodedResource[],
  second: readonly EncodedResource[],
): readonly EncodedResource[] {
  const merged: EncodedResource[] = [];
  let at = 0;
  for (const resource of first) {
    for (let other = second[at]; other !== undefined && other.name < resource.name; other = second[++at])
      merged.push(other);
    if (second[at]?.name === resource.name) at++;
    merged.push(resource);
  }
  for (; at < second.length; at++) merged.push(second[at] as EncodedResource); // at is in range
  return merged;
}

/** Version of both lists in one: what is in them need not be hashed again for every proxy that has one of them. */
export function mergedVersion(first: ResourceList, second: ResourceList): string {
  if (first.resources.length === 0) return second.version;
  if (second.resources.length === 0) return first.version;
  return contentHash(`${first.version}\n${second.version}`);
}

/** Both lists in one order; where both have a name, `first` keeps it. */
export function mergeLists(first: ResourceList, second: ResourceList): ResourceList {
  if (first.resources.length === 0) return second;
  if (second.resources.length === 0) return first;
  return { resources: merge(first.resources, second.resources), version: mergedVersion(first, second) };
}
