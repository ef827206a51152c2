import type { IngressPath, StringMatch } from "@weft/istio-api";

/**
 * The match of a path; undefined for one that matches everything. Paths without a type are Istio's own: exact, with
 * `/*` or `.*` at the end a prefix. https://kubernetes.io/docs/concepts/services-networking/ingress/#path-types
 */
export function toUri({
  path = "",
  pathType = "ImplementationSpecific",
}: IngressPath): StringMatch | undefined {
  if (path === "") return undefined;
  switch (pathType) {
    case "Exact":
      return { exact: path };
    case "Prefix":
      return { prefix: path };
    case "ImplementationSpecific": {
      const prefix = /^(.*)(\/\*|\.\*)$/.exec(path)?.[1];
      if (prefix === undefined) return { exact: path };
      return prefix === "" ? undefined : { prefix };
    }
  }
}

/** The order in which paths are tried: the longest first, of one length the exact. */
export function compareUris(a: StringMatch | undefined, b: StringMatch | undefined): number {
  const length = (uri: StringMatch | undefined) => (uri?.exact ?? uri?.prefix ?? "").length;
  return length(b) - length(a) || Number(b?.exact !== undefined) - Number(a?.exact !== undefined);
}
