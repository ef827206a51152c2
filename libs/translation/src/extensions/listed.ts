import type { ProxyView } from "@weft/mesh-model";

/**
 * The extensions among these that a proxy lacks: those that its list leaves out. Istio's agent may come without a list,
 * and then its Envoy has them all; other proxies without one are not known to have any.
 */
export function missingOf({ node }: Pick<ProxyView, "node">, names: readonly string[]): readonly string[] {
  if (node.extensions === undefined) return node.istioVersion === undefined ? names : [];
  return names.filter((name) => !node.extensions?.includes(name));
}
