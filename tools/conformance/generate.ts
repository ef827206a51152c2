import type { WithProblems } from "@weft/base";
import type { ResourceSet } from "@weft/envoy-api";
import { type MeshSnapshot, type ProxyNode, viewFor } from "@weft/mesh-model";
import { translate } from "@weft/translation";

/** What a proxy gets of a mesh. */
export function generate(snapshot: MeshSnapshot, node: ProxyNode): WithProblems<ResourceSet> {
  return translate(viewFor(snapshot, node));
}
