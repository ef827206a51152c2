import type { HTTPMirrorPolicy, HTTPRouteFilter } from "@weft/istio-api";
import type { Failure } from "../conditions.ts";
import { resolveBackend } from "../references/backends.ts";
import type { RuleScope } from "./destinations.ts";
import { joinFailures } from "./rules.ts";

type Mirror = NonNullable<HTTPRouteFilter["requestMirror"]>;

/** The share of requests that is mirrored, in percent; undefined for all. */
function percentOf({ percent, fraction }: Mirror): number | undefined {
  if (fraction) return (fraction.numerator / (fraction.denominator ?? 100)) * 100;
  return percent;
}

/** The mirrors among filters. One whose backend is no good is left out: nobody waits for its answers. */
export function mirrorsOf(
  filters: readonly { readonly type: string; readonly requestMirror?: Mirror }[],
  scope: RuleScope,
): { readonly mirrors: readonly HTTPMirrorPolicy[]; readonly failure?: Failure | undefined } {
  const mirrors: HTTPMirrorPolicy[] = [];
  let failure: Failure | undefined;
  for (const { type, requestMirror } of filters) {
    if (type !== "RequestMirror" || requestMirror === undefined) continue;
    const backend = resolveBackend(requestMirror.backendRef, scope);
    const wrong = "rejected" in backend ? backend.rejected : backend.failure;
    failure = joinFailures(failure, wrong);
    if (wrong || "rejected" in backend) continue;
    const value = percentOf(requestMirror);
    mirrors.push({
      destination: backend.destination,
      ...(value === undefined ? {} : { percentage: { value } }),
    });
  }
  return { mirrors, failure };
}
