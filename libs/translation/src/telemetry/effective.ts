import type { Telemetry } from "@weft/istio-api";
import { type Config, type ProxyView, selects } from "@weft/mesh-model";
import { attachedPolicies } from "../security/attachment.ts";

/** The side of a request that is told of. */
export type Side = "client" | "server";

/**
 * The Telemetry resources that hold for a proxy, the wider first: the mesh's, its namespace's, its workload's. Of each
 * the oldest counts. https://istio.io/latest/docs/reference/config/telemetry/
 */
export function telemetriesFor(view: ProxyView): readonly Config<Telemetry>[] {
  const all = attachedPolicies<Telemetry>(view, "Telemetry");
  const { rootNamespace } = view.snapshot.meshConfig;
  const own = all.filter(({ namespace }) => namespace === view.node.namespace);
  const forAll = ({ spec }: Config<Telemetry>) =>
    !spec.targetRef && !spec.targetRefs?.length && selects(spec.selector?.matchLabels ?? {}, {});
  const levels = [
    all.find((one) => one.namespace === rootNamespace && forAll(one)),
    view.node.namespace === rootNamespace ? undefined : own.find(forAll),
    own.find((one) => !forAll(one)),
  ];
  return levels.filter((level) => level !== undefined);
}

/** Whether a part of a Telemetry is about a side. */
export function isAbout(match: { readonly mode?: string | undefined } | undefined, side: Side): boolean {
  const mode = match?.mode ?? "CLIENT_AND_SERVER";
  return mode === "CLIENT_AND_SERVER" || mode === side.toUpperCase();
}
