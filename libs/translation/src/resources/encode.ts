import { toBinary } from "@bufbuild/protobuf";
import { type EncodedResource, type TypeUrl, typeUrls } from "@weft/envoy-api";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { TypedExtensionConfigSchema } from "@weft/envoy-api/envoy/config/core/v3/extension_pb.js";
import { ClusterLoadAssignmentSchema } from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { VirtualHostSchema } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { toCluster } from "../clusters/to-envoy.ts";
import { toLoadAssignment } from "../endpoints/to-envoy.ts";
import { toExtensionConfig } from "../extensions/to-envoy.ts";
import type {
  Backend,
  Extension,
  IrPart,
  Listener,
  LoadAssignment,
  ProxyIr,
  ProxyTraits,
  RouteTable,
  VirtualHost,
} from "../ir/index.ts";
import { toListener } from "../listeners/to-envoy.ts";
import type { IdentityMemo } from "../memo.ts";
import { toRouteConfigurationHead, toVirtualHost } from "../routes/to-envoy.ts";
import { eachInSteps, finish, type Steps } from "../steps.ts";
import { checkVirtualHost, type RejectedHost, soundHosts } from "./check-virtual-host.ts";
import { blameOrder, encodeChecked, encodePieces, fieldHead } from "./encode-piece.ts";
import { type ResourceList, toResourceList } from "./resource-list.ts";
import { type SplitHost, type SplitTable, splitHost, splitTable } from "./split-table.ts";
import type { EncodedPiece } from "./withhold.ts";

export { encodeChecked, encodeResource } from "./encode-piece.ts";

/** `virtual_hosts` in envoy.config.route.v3.RouteConfiguration. */
const virtualHostsField = RouteConfigurationSchema.field.virtualHosts.number;

/** A virtual host as it stands in a table, or why it does not. */
interface EncodedHost {
  readonly bytes?: Uint8Array;
  readonly rejected?: RejectedHost;
}

/** What of a proxy's traits shows in its clusters. */
function clusterVariant({ istioExtensions, setsFilterState, agentServesFiles }: ProxyTraits): string {
  return `cluster|${istioExtensions}|${setsFilterState}|${agentServesFiles}`;
}

/** What of a proxy's traits shows in listeners: labels of telemetry, and code for requests, only where requests are looked at. */
function listenerVariants(traits: ProxyTraits): { readonly http: string; readonly tcp: string } {
  const { client, server } = traits.telemetry;
  const extensions = traits.extensions.filter(({ layer }) => layer === "network");
  const shown = JSON.stringify([
    client.accessLogs,
    server.accessLogs,
    client.metrics,
    server.metrics,
    extensions,
  ]);
  return {
    http: `listener|${JSON.stringify(traits)}`,
    tcp: `listener|${traits.istioExtensions}|${traits.agentServesFiles}|${shown}`,
  };
}

/** Whether requests are looked at somewhere in a listener. */
function servesHttp({ chains, defaultChain }: Listener): boolean {
  return defaultChain?.filter.kind === "http" || chains.some(({ filter }) => filter.kind === "http");
}

/** What of an extension proxies ask for by its name. */
function encodeExtension(extension: Extension): readonly EncodedPiece[] {
  const message = toExtensionConfig(extension);
  if (message === undefined) return [];
  const of = { name: extension.name, typeUrl: typeUrls.extensionConfig, origin: [extension.origin] };
  return [encodeChecked(TypedExtensionConfigSchema, message, of)];
}

/** Encodes pieces of an IR; what `memo` knows of equal pieces is not encoded again. */
export class PieceEncoder {
  readonly #traits: ProxyTraits;
  readonly #memo: IdentityMemo;
  readonly #variants: { readonly http: string; readonly tcp: string };

  constructor(traits: ProxyTraits, memo: IdentityMemo) {
    this.#traits = traits;
    this.#variants = listenerVariants(traits);
    this.#memo = memo;
  }

  readonly cluster = (backend: Backend): EncodedPiece => {
    const traits = this.#traits;
    return this.#memo.get([backend], clusterVariant(traits), () => {
      const { name, origin } = backend;
      const of = { name, typeUrl: typeUrls.cluster, origin };
      return encodeChecked(ClusterSchema, toCluster(backend, traits), of);
    });
  };

  readonly loadAssignment = (assignment: LoadAssignment): EncodedPiece =>
    this.#memo.get([assignment], "load-assignment", () => {
      const { name, localities, origin } = assignment;
      const of = { name, typeUrl: typeUrls.endpoint, origin };
      return encodeChecked(ClusterLoadAssignmentSchema, toLoadAssignment(name, localities), of);
    });

  readonly listener = (listener: Listener): EncodedPiece =>
    this.#memo.get([listener], this.#variants[servesHttp(listener) ? "http" : "tcp"], () => {
      const { name, origin } = listener;
      const of = { name, typeUrl: typeUrls.listener, origin };
      return encodeChecked(ListenerSchema, toListener(listener, this.#traits), of);
    });

  /** A table with the virtual hosts that are sound: a bad one is withheld alone. */
  readonly routeTable = (table: RouteTable): EncodedPiece =>
    this.#memo.get([table], "route-table", () => {
      const { name, virtualHosts } = table;
      const head = toBinary(RouteConfigurationSchema, toRouteConfigurationHead(table));
      const { sound, rejected } = soundHosts(virtualHosts, (host) => this.virtualHost(host).rejected);
      const withheld = rejected.map(({ host, reason, origin }) => ({
        typeUrl: typeUrls.route,
        name,
        part: host.name,
        reason,
        origin: origin ?? blameOrder(host.origin),
      }));
      const pieces = sound.flatMap((host) => this.virtualHost(host).bytes ?? []);
      const origin = virtualHosts.flatMap((host) => host.origin);
      return encodePieces(name, typeUrls.route, [head, ...pieces], origin, withheld);
    });

  /** A table apart from its virtual hosts, and these. */
  readonly splitTable = (table: RouteTable): SplitTable =>
    this.#memo.get([table], "split-table", () => splitTable(table, this.#memo));

  /** A virtual host as a resource of its own. */
  splitHost(table: RouteTable, host: VirtualHost): SplitHost {
    return splitHost(table, host, this.#memo);
  }

  /**
   * A virtual host as it stands in a table. What a repeated field holds may be written piece by piece, so a virtual host is
   * encoded once for all the tables and versions it stands in. https://protobuf.dev/programming-guides/encoding/#optional
   */
  virtualHost(host: VirtualHost): EncodedHost {
    return this.#memo.get([host], "virtual-host", () => {
      const message = toVirtualHost(host);
      const rejected = checkVirtualHost(host, message);
      if (rejected) return { rejected };
      const value = toBinary(VirtualHostSchema, message);
      return { bytes: Buffer.concat([fieldHead(virtualHostsField, value.length), value]) };
    });
  }
}

/** The last lists of resources, by type and by whom they are for: the next ones differ little. Bounded by {@link maxLastLists}. */
export type LastLists = Map<string, ResourceList>;

const maxLastLists = 4_096;

/** Settings of {@link encodeIr}. */
export interface EncodeOptions {
  readonly memo: IdentityMemo;
  readonly last: LastLists;
  /** Names the scope of the proxy. */
  readonly scopeKey: string;
  /** Which tables have their virtual hosts as resources of their own; none unless told. */
  readonly split?: TableChoice;
}

/** A choice of route tables. */
export interface TableChoice {
  /** Names the choice: equal keys, equal choices. */
  readonly key: string;
  readonly has: (table: RouteTable) => boolean;
}

type ListsByType = ReadonlyMap<TypeUrl, readonly ResourceList[]>;

/** The resources of a proxy by type: those of its own, and those that it shares. */
export function encodeIr(ir: ProxyIr, options: EncodeOptions): ListsByType {
  return finish(encodeInSteps(ir, options));
}

/** As {@link encodeIr}. */
export function* encodeInSteps(
  { proxy, parts }: ProxyIr,
  { memo, last, scopeKey, split }: EncodeOptions,
): Steps<ListsByType> {
  const encoder = new PieceEncoder(proxy, memo);
  const shared = (key: string, resources: readonly EncodedResource[]) => {
    const list = toResourceList(resources, last.get(key));
    last.delete(key);
    last.set(key, list);
    const [oldest] = last.keys();
    if (last.size > maxLastLists && oldest !== undefined) last.delete(oldest);
    return list;
  };
  const result = new Map<TypeUrl, readonly ResourceList[]>();
  const add = function* <T>(
    typeUrl: TypeUrl,
    variant: string,
    pieces: (part: IrPart) => readonly T[],
    encode: (piece: T) => EncodedResource | readonly EncodedResource[],
  ): Steps<void> {
    const lists: ResourceList[] = [];
    for (const [index, part] of parts.entries())
      lists.push(
        yield* memo.inSteps([pieces(part)], variant, function* () {
          const resources = yield* eachInSteps(pieces(part), encode);
          return index === 0
            ? toResourceList(resources)
            : shared(`${typeUrl}|${scopeKey}|${variant}`, resources);
        }),
      );
    result.set(typeUrl, lists);
    yield;
  };
  yield* add(typeUrls.cluster, clusterVariant(proxy), ({ backends }) => backends, encoder.cluster);
  yield* add(typeUrls.endpoint, "endpoint", ({ loadAssignments }) => loadAssignments, encoder.loadAssignment);
  yield* add(typeUrls.listener, JSON.stringify(proxy), ({ listeners }) => listeners, encoder.listener);
  const extensions = eachInSteps(proxy.extensions, encodeExtension);
  result.set(typeUrls.extensionConfig, [toResourceList(yield* extensions)]);
  // Each host is looked at on its own first: a table can then be put together at once.
  for (const table of parts.flatMap(({ routes }) => routes))
    yield* eachInSteps(table.virtualHosts, (host) =>
      split?.has(table) ? encoder.splitHost(table, host) : encoder.virtualHost(host),
    );
  yield* add(
    typeUrls.route,
    `route|${split?.key}`,
    ({ routes }) => routes,
    (table) => (split?.has(table) ? encoder.splitTable(table).head : encoder.routeTable(table)),
  );
  yield* add(
    typeUrls.virtualHost,
    `virtual-host|${split?.key}`,
    ({ routes }) => routes,
    (table) => (split?.has(table) ? encoder.splitTable(table).hosts : []),
  );
  return result;
}
