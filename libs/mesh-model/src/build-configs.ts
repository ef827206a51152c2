import type { MeshConfig } from "@weft/istio-api";
import { type Collection, type Collections, deriveEach, emptyCollection } from "./collections.ts";
import { type Config, compareByCreation, toConfig } from "./config.ts";
import { mergeDelegates } from "./istio/delegates.ts";
import { resolveDestinationRule, resolveGatewayHosts, resolveVirtualService } from "./istio/resolve-names.ts";
import { resort } from "./resort.ts";
import type { ConfigLists } from "./snapshot.ts";

/** The typed configurations, and what the next build may take over. */
export interface BuiltConfigs {
  readonly lists: ConfigLists;
  readonly kinds: ReadonlyMap<string, BuiltKind>;
  /** Before delegates were merged. */
  readonly virtualServices: ConfigLists["virtualServices"];
}

interface BuiltKind {
  readonly collection: Collection;
  readonly results: ReadonlyMap<string, Config<unknown>>;
  readonly sorted: readonly Config<unknown>[];
}

/** The kinds with a list of their own, and how each is read. */
const readers: Readonly<Record<string, (config: Config<never>, mesh: MeshConfig) => Config<unknown>>> = {
  "networking.istio.io/VirtualService": resolveVirtualService,
  "networking.istio.io/DestinationRule": resolveDestinationRule,
  "networking.istio.io/Gateway": resolveGatewayHosts,
};

const listed = ["VirtualService", "DestinationRule", "Gateway", "Sidecar", "ServiceEntry", "WorkloadEntry"];

/** Builds the lists of Istio's kinds; kinds that have not changed are taken over from `before`. */
export function buildConfigs(
  collections: Collections,
  mesh: MeshConfig,
  before: BuiltConfigs | undefined,
): BuiltConfigs {
  const kinds = new Map<string, BuiltKind>();
  const build = (name: string): readonly Config<unknown>[] => {
    const built = buildKind(name, collections.get(name) ?? emptyCollection, mesh, before?.kinds.get(name));
    kinds.set(name, built);
    return built.sorted;
  };
  // Each reader gives the type of its own kind; the names below are what ties them together.
  const list = <L>(kind: string): L => build(`networking.istio.io/${kind}`) as L;
  const others = new Map<string, readonly Config<unknown>[]>();
  for (const name of [...collections.keys()].sort()) {
    const [group = "", kind = ""] = name.split("/");
    if (!group.endsWith("istio.io")) continue;
    if (group === "networking.istio.io" && listed.includes(kind)) continue;
    others.set(kind, build(name));
  }
  const virtualServices = list<ConfigLists["virtualServices"]>("VirtualService");
  const unchanged = before?.virtualServices === virtualServices;
  const merged = unchanged ? before.lists.virtualServices : mergeDelegates(virtualServices);
  const lists: ConfigLists = Object.freeze({
    virtualServices: merged,
    destinationRules: list<ConfigLists["destinationRules"]>("DestinationRule"),
    gateways: list<ConfigLists["gateways"]>("Gateway"),
    sidecars: list<ConfigLists["sidecars"]>("Sidecar"),
    serviceEntries: list<ConfigLists["serviceEntries"]>("ServiceEntry"),
    workloadEntries: list<ConfigLists["workloadEntries"]>("WorkloadEntry"),
    others,
  });
  return { lists, kinds, virtualServices };
}

function buildKind(
  name: string,
  collection: Collection,
  mesh: MeshConfig,
  before: BuiltKind | undefined,
): BuiltKind {
  if (before?.collection === collection) return before;
  const read = readers[name];
  const results = deriveEach(collection, before, ({ object, version }) => {
    const config = toConfig<never>(object, version);
    return Object.freeze(read ? read(config, mesh) : config);
  });
  return { collection, results, sorted: resort(results, before, compareByCreation) };
}
