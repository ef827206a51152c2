import type { HTTPMatchRequest } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import type { PathMatch } from "../ir/index.ts";

/**
 * How a VirtualService is meant: as its own API says; as an Ingress says, where prefixes end at a `/`; or as the
 * Gateway API says, where moreover requests to a backend that is not there get 500.
 */
export type RouteSemantics = "istio" | "ingress" | "gateway";

/** Reads the annotation that Istio puts on VirtualServices it has made of other kinds. */
export function semanticsOf({ annotations }: Pick<Config<unknown>, "annotations">): RouteSemantics {
  const value = annotations["internal.istio.io/route-semantics"];
  return value === "ingress" || value === "gateway" ? value : "istio";
}

/** The match of a prefix: of whole segments, except in Istio's own API. */
export function prefixMatch(prefix: string, semantics: RouteSemantics): PathMatch {
  const whole = prefix.replace(/\/$/, "");
  return semantics === "istio" || whole === ""
    ? { kind: "prefix", value: prefix }
    : { kind: "segments", value: whole };
}

/** The change of a matched prefix, so that exactly one `/` stands between what replaces it and the rest of the path. */
export type PrefixChange =
  | { readonly prefix: string }
  | { readonly regex: { readonly pattern: string; readonly substitution: string } };

/** Replaces a matched prefix. */
export function changePrefix(
  to: string,
  match: HTTPMatchRequest | undefined,
  semantics: RouteSemantics,
): PrefixChange {
  if (semantics !== "gateway") return { prefix: to };
  const from = (match?.uri?.prefix ?? "/").replace(/\/$/, "");
  // The rest begins without a slash where the prefix was just that, and with one elsewhere.
  if (from === "") return { prefix: to.endsWith("/") ? to : `${to}/` };
  if (to !== "/") return { prefix: to };
  const literal = from.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return { regex: { pattern: `^${literal}/?(.*)`, substitution: "/\\1" } };
}
