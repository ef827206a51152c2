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

/** Orders resources; the first of two with one name stays. */
export function toResourceList(unordered: readonly EncodedResource[]): ResourceList {
  const sorted = [...unordered].sort(byName);
  const resources = sorted.filter(({ name }, index) => name !== sorted[index - 1]?.name);
  return {
    resources,
    version: contentHash(resources.map(({ name, version }) => `${name}\n${version}`).join("\n")),
  };
}

/** Both lists in one order; where both have a name, `first` keeps it. */
export function mergeLists(first: ResourceList, second: ResourceList): ResourceList {
  if (first.resources.length === 0) return second;
  if (second.resources.length === 0) return first;
  const resources: EncodedResource[] = [];
  const others = second.resources[Symbol.iterator]();
  let other = others.next();
  for (const resource of first.resources) {
    while (!other.done && other.value.name < resource.name) {
      resources.push(other.value);
      other = others.next();
    }
    if (!other.done && other.value.name === resource.name) other = others.next();
    resources.push(resource);
  }
  for (; !other.done; other = others.next()) resources.push(other.value);
  // Of the lists' hashes: what is in them need not be hashed again for every proxy that has one of them.
  return { resources, version: contentHash(`${first.version}\n${second.version}`) };
}
