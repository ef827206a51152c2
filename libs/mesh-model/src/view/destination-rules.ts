import { stableStringify } from "@weft/base";
import type { DestinationRule } from "@weft/istio-api";
import { type HostIndex, indexHosts, mostSpecificHost } from "../hostname.ts";
import { type Service, selects } from "../service.ts";
import type { Exported, MeshSnapshot } from "../snapshot.ts";
import { isVisibleTo } from "../visibility.ts";

/** DestinationRules of one namespace for one host, merged into one: named after the first, in Istio's order. */
export interface ConsolidatedDestinationRule extends Exported<DestinationRule> {
  /** The objects it was merged from, as `namespace/name`. */
  readonly from: readonly string[];
}

type ByHost = HostIndex<readonly ConsolidatedDestinationRule[]>;

/** The client a rule is looked up for. */
export interface RuleClient {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The DestinationRule that applies to a client's traffic to a service: from the client's namespace, else the
 * service's, else the root namespace; in each the one with the most specific host. Rules that select the client's
 * workload go before those for all.
 * https://istio.io/latest/docs/ops/best-practices/traffic-management/#cross-namespace-configuration
 */
export function destinationRuleFor(
  snapshot: MeshSnapshot,
  client: RuleClient,
  service: Pick<Service, "hostname" | "namespace">,
): ConsolidatedDestinationRule | undefined {
  const rules = index(snapshot);
  const own = rulesFor(rules.get(client.namespace), service.hostname, client.namespace);
  if (own.length > 0) return select(own, client);
  for (const namespace of [service.namespace, snapshot.meshConfig.rootNamespace]) {
    const found = rulesFor(rules.get(namespace), service.hostname, client.namespace);
    if (found.length > 0) return select(found, client);
  }
  return undefined;
}

function rulesFor(
  byHost: ByHost | undefined,
  hostname: string,
  clientNamespace: string,
): readonly ConsolidatedDestinationRule[] {
  const found = byHost && mostSpecificHost(hostname, byHost);
  return found?.filter(({ exportTo }) => isVisibleTo(exportTo, clientNamespace)) ?? [];
}

function select(
  rules: readonly ConsolidatedDestinationRule[],
  { labels }: RuleClient,
): ConsolidatedDestinationRule | undefined {
  const selecting = rules.find(
    ({ spec }) => spec.workloadSelector && selects(spec.workloadSelector.matchLabels ?? {}, labels),
  );
  return selecting ?? rules.find(({ spec }) => spec.workloadSelector === undefined);
}

/** Kept for as long as the rules: what was made from a merged rule is found again when other objects have changed. */
const indexes = new WeakMap<readonly Exported<DestinationRule>[], ReadonlyMap<string, ByHost>>();
const alone = new WeakMap<Exported<DestinationRule>, ConsolidatedDestinationRule>();

function index({ configs }: MeshSnapshot): ReadonlyMap<string, ByHost> {
  const known = indexes.get(configs.destinationRules);
  if (known !== undefined) return known;
  const namespaces = new Map<string, Map<string, ConsolidatedDestinationRule[]>>();
  for (const config of configs.destinationRules) {
    const byHost = namespaces.get(config.namespace) ?? new Map<string, ConsolidatedDestinationRule[]>();
    namespaces.set(config.namespace, byHost);
    const list = byHost.get(config.spec.host) ?? [];
    byHost.set(config.spec.host, list);
    addRule(list, config);
  }
  const made = new Map([...namespaces].map(([namespace, byHost]) => [namespace, indexHosts(byHost)]));
  indexes.set(configs.destinationRules, made);
  return made;
}

/** Merges a rule into the one with the same visibility and selector, or adds it. */
function addRule(list: ConsolidatedDestinationRule[], config: Exported<DestinationRule>): void {
  const at = list.length === 0 ? -1 : list.findIndex((rule) => groupKey(rule) === groupKey(config));
  const existing = list[at];
  const origin = `${config.namespace}/${config.name}`;
  if (existing === undefined) {
    const rule = alone.get(config) ?? Object.freeze({ ...config, from: [origin] });
    alone.set(config, rule);
    list.push(rule);
  } else list[at] = Object.freeze(merge(existing, config, origin));
}

function groupKey({ exportTo, spec }: Exported<DestinationRule>): string {
  return stableStringify([exportTo, spec.workloadSelector?.matchLabels ?? null]);
}

/** The older rule wins; of the newer one come the subsets it lacks, and the policy where it has none. */
function merge(
  existing: ConsolidatedDestinationRule,
  config: Exported<DestinationRule>,
  origin: string,
): ConsolidatedDestinationRule {
  const subsets = existing.spec.subsets ?? [];
  const names = new Set(subsets.map(({ name }) => name));
  const added = (config.spec.subsets ?? []).filter(({ name }) => !names.has(name));
  const trafficPolicy = existing.spec.trafficPolicy ?? config.spec.trafficPolicy;
  return {
    ...existing,
    version: `${existing.version}+${config.version}`,
    from: [...existing.from, origin],
    spec: {
      ...existing.spec,
      subsets: [...subsets, ...added],
      ...(trafficPolicy ? { trafficPolicy } : {}),
    },
  };
}
