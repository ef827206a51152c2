import type { Problem } from "@weft/base";
import type { EnvoyFilter } from "@weft/istio-api";
import { type Config, compareByCreation, type ProxyView, selects } from "@weft/mesh-model";
import type { IdentityMemo } from "../memo.ts";
import { ProblemList } from "../problems.ts";
import { configRef } from "../refs.ts";
import type { Patch } from "./patch.ts";
import { readEnvoyFilter } from "./read.ts";

/** The patches for a proxy; the same object for proxies with the same patches. */
export interface Selection {
  /** In the order they apply. */
  readonly patches: readonly Patch[];
  readonly problems: readonly Problem[];
}

const none: Selection = Object.freeze({ patches: [], problems: [] });
const gatewayNameLabels = ["gateway.networking.k8s.io/gateway-name", "istio.io/gateway-name"];

/** Whether an EnvoyFilter is for a proxy; whom it names that Weft does not serve goes to `problems`. */
function isFor({ spec, ...config }: Config<EnvoyFilter>, view: ProxyView, problems: ProblemList): boolean {
  const refs = spec.targetRefs ?? [];
  if (refs.length === 0) return selects(spec.workloadSelector?.labels ?? {}, view.labels);
  const report = problems.for(configRef(config));
  return refs.some(({ kind, group, name }, index) => {
    if (kind !== "Gateway" || group !== "gateway.networking.k8s.io") {
      report.unsupported(
        `spec.targetRefs[${index}]`,
        `the target ${group ? `${group}/` : ""}${kind}, a waypoint's,`,
      );
      return false;
    }
    if (view.node.type !== "router" || config.namespace !== view.node.namespace) return false;
    return gatewayNameLabels.some((label) => view.labels[label] === name);
  });
}

/** Whether the patch is for a proxy of this version and with this metadata. */
function isForProxy({ match: { proxy } }: Patch, { node }: ProxyView): boolean {
  if (proxy === undefined) return true;
  if (proxy.proxyVersion && !(node.istioVersion && new RegExp(proxy.proxyVersion).test(node.istioVersion)))
    return false;
  return Object.entries(proxy.metadata ?? {}).every(([key, value]) => node.metadata[key] === value);
}

function compare(a: Config<EnvoyFilter>, b: Config<EnvoyFilter>): number {
  return (a.spec.priority ?? 0) - (b.spec.priority ?? 0) || compareByCreation(a, b);
}

/** The patches for a proxy: those of the root namespace, then of its own, each by priority, age and name. */
export function selectPatches(view: ProxyView, memo: IdentityMemo): Selection {
  const all = view.snapshot.configs.others.get("EnvoyFilter");
  if (all === undefined) return none;
  const problems = new ProblemList();
  const of = (namespace: string) =>
    (all as readonly Config<EnvoyFilter>[]) // the schema of the kind has been checked
      .filter((config) => config.namespace === namespace && isFor(config, view, problems))
      .sort(compare);
  const { rootNamespace } = view.snapshot.meshConfig;
  const own = view.node.namespace === rootNamespace ? [] : of(view.node.namespace);
  const patches: Patch[] = [];
  for (const config of [...of(rootNamespace), ...own]) {
    const read = memo.get([config], "envoy-filter", () => readEnvoyFilter(config));
    problems.addAll(read.problems);
    patches.push(...read.patches.filter((patch) => isForProxy(patch, view)));
  }
  const found = problems.all();
  if (patches.length === 0 && found.length === 0) return none;
  return memo.get([all, ...patches], `selection|${JSON.stringify(found)}`, () => ({
    patches,
    problems: found,
  }));
}
