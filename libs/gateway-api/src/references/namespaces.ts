import type { LabelSelector } from "@weft/istio-api";
import type { Context } from "../context.ts";
import { selectsLabels } from "./label-selector.ts";

/** From which namespaces something may attach, as `allowedRoutes` and `allowedListeners` say it. */
export interface NamespaceChoice {
  readonly from?: "All" | "Selector" | "Same" | "None";
  readonly selector?: LabelSelector;
}

/** The label Kubernetes gives every namespace. */
const nameLabel = "kubernetes.io/metadata.name";

/** The namespaces a choice allows, sorted; `*` stands for all. */
export function chosenNamespaces(
  { from = "Same", selector }: NamespaceChoice,
  own: string,
  { input }: Context,
): readonly string[] {
  switch (from) {
    case "Same":
      return [own];
    case "All":
      return ["*"];
    case "None":
      return [];
    case "Selector":
      // The API requires a selector; without one it selects all, as an empty one.
      if (selector === undefined) return ["*"];
      return [...input.namespaces]
        .filter(([name, labels]) => selectsLabels(selector, { ...labels, [nameLabel]: name }))
        .map(([name]) => name)
        .sort();
  }
}
