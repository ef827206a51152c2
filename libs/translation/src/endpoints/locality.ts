import type { LoadBalancerSettings, LocalityLoadBalancerSetting, MeshConfig } from "@weft/istio-api";
import type { Service } from "@weft/mesh-model";

/** Where a proxy or an endpoint runs. */
export type ProxyLocality = { readonly region: string; readonly zone: string; readonly subzone: string };

/** Which endpoints a proxy prefers. */
export interface LocalityPreference {
  /** Near ones before far ones, from here. */
  readonly near?: ProxyLocality;
  /** The region that takes over from a region, before all others. */
  readonly failover?: LocalityLoadBalancerSetting["failover"];
  /** Those that share values of labels with the proxy, the earlier label counting more. */
  readonly labels?: readonly { readonly name: string; readonly value: string | undefined }[];
  /** Shares of the traffic by locality (`region/zone/*`); what is named by none gets nothing. */
  readonly shares?: Readonly<Record<string, number>>;
}

/** What of a policy decides on the preference. */
export interface PreferenceInput {
  readonly setting: LocalityLoadBalancerSetting | undefined;
  /** Zones are left to the proxy to balance; wins over {@link setting} of the mesh. */
  readonly zones?: LoadBalancerSettings["zoneAwareLbSetting"];
  readonly mesh: Pick<MeshConfig, "localityLbSetting">;
  readonly service: Pick<Service, "trafficDistribution">;
  /** Failures are noticed: without that nothing ever takes over. */
  readonly noticesFailures: boolean;
  readonly locality: ProxyLocality;
  /** Labels of the proxy, with those of its place. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A preference, and whether localities have weights of their own. */
export interface BuiltPreference {
  readonly preference: LocalityPreference;
  readonly weighted: boolean;
  /** Set where the proxy balances between the zones of its region by itself. */
  readonly zoneAware?: { readonly minClusterSize?: number };
}

/** The labels of a place, from the widest to the narrowest, by which `trafficDistribution` compares. */
const placeLabels = [
  "topology.istio.io/network",
  "topology.kubernetes.io/region",
  "topology.kubernetes.io/zone",
  "topology.istio.io/subzone",
];

/** The setting that holds for a service: its rule's, else what the service asks for, else the mesh's. */
function settingOf({ setting, mesh, service }: PreferenceInput): LocalityLoadBalancerSetting | undefined {
  const own =
    setting ?? (service.trafficDistribution ? { failoverPriority: placeLabels } : mesh.localityLbSetting);
  return own?.enabled === false ? undefined : (own ?? {});
}

/** Whether a locality is in `region`, `region/zone`, `region/zone/subzone`, `region/*` … */
export function isIn({ region, zone, subzone }: ProxyLocality, pattern: string): boolean {
  const own = [region, zone, subzone];
  return pattern.split("/").every((part, index) => part === "*" || part === own[index]);
}

/**
 * What a proxy prefers of a service's endpoints. `distribute` wins over all; failover needs outlier detection, or a
 * service that asks for it itself.
 * https://istio.io/latest/docs/reference/config/networking/destination-rule/#LocalityLoadBalancerSetting
 */
export function buildPreference(input: PreferenceInput): BuiltPreference {
  if (input.zones && input.zones.enabled !== false && input.setting === undefined)
    return zonePreference(input, input.zones);
  const setting = settingOf(input);
  if (setting === undefined) return { preference: {}, weighted: false };
  const { distribute, failover, failoverPriority } = setting;
  if (distribute !== undefined) {
    const shares = distribute.find(({ from }) => from !== undefined && isIn(input.locality, from))?.to;
    return { preference: shares ? { shares } : {}, weighted: true };
  }
  const asked = input.setting === undefined && input.service.trafficDistribution !== undefined;
  if (!input.noticesFailures && !asked) return { preference: {}, weighted: false };
  const weighted = failover !== undefined || failoverPriority !== undefined;
  const near =
    input.locality.region === "" ? {} : { near: input.locality, ...(failover ? { failover } : {}) };
  if (!failoverPriority?.length) return { preference: near, weighted };
  const labels = failoverPriority.map((entry) => toWanted(entry, input.labels));
  return { preference: { labels, ...(failover?.length ? near : {}) }, weighted };
}

/** Regions are preferred, and within the own one the proxy looks to the zones. */
function zonePreference(
  { locality, labels: own }: PreferenceInput,
  { failover, failoverPriority = [], minClusterSize }: NonNullable<PreferenceInput["zones"]>,
): BuiltPreference {
  const labels = failoverPriority.map((entry) => toWanted(entry, own));
  const region = { region: locality.region, zone: "*", subzone: "*" };
  return {
    preference: {
      ...(labels.length > 0 ? { labels } : {}),
      ...(locality.region === "" ? {} : { near: region, ...(failover ? { failover } : {}) }),
    },
    weighted: false,
    zoneAware: minClusterSize === undefined ? {} : { minClusterSize },
  };
}

/** A label with the value wanted of it: that of the entry, else the proxy's own. */
function toWanted(entry: string, own: Readonly<Record<string, string>>) {
  const [name = "", value] = entry.split("=");
  return { name, value: value ?? own[name] };
}

/** Names of the client's labels that a setting compares. */
export function comparedLabels(
  setting: Pick<LocalityLoadBalancerSetting, "failoverPriority"> | undefined,
): readonly string[] {
  return (setting?.failoverPriority ?? []).filter((entry) => !entry.includes("="));
}

/** How far away a locality is, from a place or from a region (zone `*`): 0 is here, then the same zone, the same region, the region that takes over, elsewhere. */
export function distance(
  from: ProxyLocality,
  to: ProxyLocality,
  failover: LocalityPreference["failover"] = [],
): number {
  if (from.region === to.region) {
    if (from.zone === "*") return 0;
    return from.zone !== to.zone ? 2 : from.subzone === to.subzone ? 0 : 1;
  }
  const next = failover.find((entry) => entry.from === from.region);
  return next === undefined || next.to === to.region ? 3 : 4;
}

/** How little an endpoint has in common with the proxy: 0 where all labels are equal, most where the first differs. */
export function labelRank(
  labels: Readonly<Record<string, string>>,
  wanted: LocalityPreference["labels"] = [],
): number {
  const differing = wanted.findIndex(({ name, value }) => (labels[name] ?? "") !== (value ?? ""));
  return differing < 0 ? 0 : wanted.length - differing;
}

/** Weights by share: what a share means is divided by the weights of what it names. Undefined: it is named by none. */
export function shareWeights(
  localities: readonly (ProxyLocality & { readonly weight: number })[],
  shares: Readonly<Record<string, number>>,
): readonly (number | undefined)[] {
  const result: (number | undefined)[] = localities.map(() => undefined);
  // The names in order: an earlier build and a later one must divide alike.
  for (const [pattern, share] of Object.entries(shares).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const named = localities.flatMap((locality, index) =>
      result[index] === undefined && isIn(locality, pattern) ? [index] : [],
    );
    const total = named.reduce((sum, index) => sum + (localities[index]?.weight ?? 0), 0);
    for (const index of named)
      result[index] = Math.ceil(((localities[index]?.weight ?? 0) * share) / Math.max(1, total));
  }
  return result;
}
