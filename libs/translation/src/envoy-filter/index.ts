import { toBinary } from "@bufbuild/protobuf";
import type { Problem, WithProblems } from "@weft/base";
import { type EncodedResource, type TypeUrl, typeUrls } from "@weft/envoy-api";
import { type Cluster, ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { type Listener, ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import type { ProxyView } from "@weft/mesh-model";
import type { IdentityMemo } from "../memo.ts";
import { encodeResource } from "../resources/encode-piece.ts";
import { type ResourceList, toResourceList } from "../resources/resource-list.ts";
import { type Patched, patchResource, type ResourceKind, whyBroken, withheld } from "./apply.ts";
import { clusterContext, mayBeForCluster, patchCluster } from "./clusters.ts";
import { listenerContext, patchListener } from "./listeners.ts";
import { type ApplyTo, isForContext, type Patch, type PatchContext, targets } from "./patch.ts";
import { isForTable, patchRouteTable, type ServerPorts } from "./routes.ts";
import { selectPatches } from "./select.ts";

type Lists = ReadonlyMap<TypeUrl, readonly ResourceList[]>;

const routeTargets: readonly ApplyTo[] = ["ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE"];
const listenerTargets: readonly ApplyTo[] = [
  ...(["LISTENER", "LISTENER_FILTER", "FILTER_CHAIN", "NETWORK_FILTER", "HTTP_FILTER"] as const),
  // Inbound route tables stand in their listeners.
  ...routeTargets,
];

/** One kind of resources and the patches for it. */
interface Stage {
  readonly typeUrl: TypeUrl;
  readonly appliesTo: readonly ApplyTo[];
  /** Whether a patch may be for a resource, as far as its name tells: what no patch is for is not decoded. */
  readonly concerns: (patch: Patch, name: string) => boolean;
  readonly apply: (resource: EncodedResource, patches: readonly Patch[]) => Patched;
}

function stage<M extends Cluster | Listener | RouteConfiguration>(
  typeUrl: TypeUrl,
  appliesTo: readonly ApplyTo[],
  concerns: Stage["concerns"],
  kind: ResourceKind<M>,
): Stage {
  return {
    typeUrl,
    appliesTo,
    concerns,
    apply: (resource, patches) => patchResource(kind, resource, patches),
  };
}

/** The ports of the servers behind each port that a gateway listens on. */
function serverPorts({ serviceTargets }: ProxyView): ServerPorts {
  const ports = new Map<number, Set<number>>();
  for (const { port, targetPort } of serviceTargets)
    ports.set(targetPort, (ports.get(targetPort) ?? new Set()).add(port.port));
  return ports;
}

function stagesFor(view: ProxyView): readonly Stage[] {
  const gateway = view.node.type === "router" ? "GATEWAY" : undefined;
  const ports = gateway ? serverPorts(view) : new Map();
  const contextOfCluster = (name: string): PatchContext => gateway ?? clusterContext(name);
  return [
    stage<Cluster>(
      typeUrls.cluster,
      ["CLUSTER"],
      (patch, name) => isForContext(patch, contextOfCluster(name)) && mayBeForCluster(patch, name),
      { schema: ClusterSchema, contextOf: ({ name }) => contextOfCluster(name), patch: patchCluster },
    ),
    stage<Listener>(
      typeUrls.listener,
      listenerTargets,
      (patch) => gateway === undefined || !routeTargets.includes(patch.applyTo),
      {
        schema: ListenerSchema,
        contextOf: (listener) => gateway ?? listenerContext(listener),
        patch: patchListener,
      },
    ),
    stage<RouteConfiguration>(
      typeUrls.route,
      routeTargets,
      (patch, name) =>
        isForContext(patch, gateway ?? "SIDECAR_OUTBOUND") && isForTable(patch, { name }, ports),
      {
        schema: RouteConfigurationSchema,
        contextOf: () => gateway ?? "SIDECAR_OUTBOUND",
        patch: (table, run) => patchRouteTable(table, run, ports),
      },
    ),
  ];
}

/** Whether a patch may change a sidecar's table for outbound traffic, as far as the table's name tells. */
export function mayChangeTable(patch: Patch, name: string): boolean {
  return (
    routeTargets.includes(patch.applyTo) &&
    isForContext(patch, "SIDECAR_OUTBOUND") &&
    isForTable(patch, { name }, new Map())
  );
}

/** Kinds of resources that a patch may add, whole. */
const added = [
  { typeUrl: typeUrls.cluster, applyTo: "CLUSTER" },
  { typeUrl: typeUrls.listener, applyTo: "LISTENER" },
  { typeUrl: typeUrls.extensionConfig, applyTo: "EXTENSION_CONFIG" },
] as const;

/** What a patch that adds a whole resource comes to, for a proxy that has `known` of its kind. */
function addedResource(patch: Patch, typeUrl: TypeUrl, known: (name: string) => boolean): Patched {
  const { value, applyTo, object } = patch;
  if (value === undefined) return { problems: [] };
  const { name } = value as Cluster; // a listener and an extension have a name too
  const taken = known(name) ? "there is one already" : undefined;
  const broken = name === "" ? "it has no name" : (taken ?? whyBroken(targets[applyTo], value));
  if (broken !== undefined) return { problems: [withheld(patch, `the ${applyTo} ${name}`, broken)] };
  const bytes = toBinary(targets[applyTo], value as never); // the value is of its target's type
  return { resource: encodeResource(name, typeUrl, bytes, [object]), problems: [] };
}

function addResources(
  patches: readonly Patch[],
  context: PatchContext,
  { typeUrl, applyTo }: (typeof added)[number],
  lists: readonly ResourceList[],
  problems: Problem[],
): readonly EncodedResource[] {
  const own = new Map<string, EncodedResource>();
  const known = (name: string) =>
    own.has(name) || lists.some(({ resources }) => resources.some((one) => one.name === name));
  for (const patch of patches) {
    if (patch.applyTo !== applyTo || patch.operation !== "ADD") continue;
    // For a sidecar, what is added to no side in particular is added once: to what it sends.
    const inbound = context === "SIDECAR_OUTBOUND" && patch.match.context === "SIDECAR_INBOUND";
    if (!inbound && !isForContext(patch, context)) continue;
    const result = addedResource(patch, typeUrl, known);
    problems.push(...result.problems);
    if (result.resource) own.set(result.resource.name, result.resource);
  }
  return [...own.values()];
}

interface PatchedList {
  readonly list: ResourceList;
  readonly problems: readonly Problem[];
}

function patchList(list: ResourceList, patches: readonly Patch[], { concerns, apply }: Stage): PatchedList {
  const problems: Problem[] = [];
  let changed = false;
  const resources = list.resources.flatMap((resource) => {
    const own = patches.filter((patch) => concerns(patch, resource.name));
    if (own.length === 0) return [resource];
    const result = apply(resource, own);
    problems.push(...result.problems);
    changed ||= result.resource !== resource;
    return result.resource ? [result.resource] : [];
  });
  return { list: changed ? toResourceList(resources) : list, problems };
}

/**
 * Applies the EnvoyFilters that are for a proxy to its resources. Where there are none, and for resources that none is
 * for, nothing is copied, decoded or encoded; what was patched for one proxy is taken over for others by `memo`.
 * https://istio.io/latest/docs/reference/config/networking/envoy-filter/
 */
export function applyEnvoyFilters(view: ProxyView, lists: Lists, memo: IdentityMemo): WithProblems<Lists> {
  const selection = selectPatches(view, memo);
  if (selection.patches.length === 0) return { value: lists, problems: selection.problems };
  const problems = [...selection.problems];
  const result = new Map(lists);
  const router = view.node.type === "router";
  for (const one of stagesFor(view)) {
    const patches = selection.patches.filter(({ applyTo }) => one.appliesTo.includes(applyTo));
    if (patches.length === 0) continue;
    // The ports of a gateway's Service show in which tables a patch is for.
    const variant = router
      ? `patched|${JSON.stringify(view.serviceTargets.map(({ port, targetPort }) => [port.port, targetPort]))}`
      : "patched";
    const patched = (lists.get(one.typeUrl) ?? []).map((list) =>
      memo.get([list, selection], `${variant}|${one.typeUrl}`, () => patchList(list, patches, one)),
    );
    result.set(
      one.typeUrl,
      patched.map(({ list }) => list),
    );
    problems.push(...patched.flatMap((list) => list.problems));
  }
  for (const kind of added) {
    const present = result.get(kind.typeUrl) ?? [];
    const more = addResources(
      selection.patches,
      router ? "GATEWAY" : "SIDECAR_OUTBOUND",
      kind,
      present,
      problems,
    );
    const [own, ...shared] = present;
    if (more.length > 0)
      result.set(kind.typeUrl, [toResourceList([...(own?.resources ?? []), ...more]), ...shared]);
  }
  return { value: result, problems };
}
