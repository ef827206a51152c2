import { toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { contentHash, type ObjectRef } from "@weft/base";
import { type EncodedResource, type TypeUrl, typeUrls } from "@weft/envoy-api";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { VirtualHostSchema } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { toCluster } from "../clusters/to-envoy.ts";
import { toLoadAssignment } from "../endpoints/to-envoy.ts";
import type {
  Backend,
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
import { type ResourceList, toResourceList } from "./resource-list.ts";

/** `virtual_hosts` in envoy.config.route.v3.RouteConfiguration. */
const virtualHostsField = RouteConfigurationSchema.field.virtualHosts.number;

function sameRefs(refs: readonly ObjectRef[]): readonly ObjectRef[] {
  const byKey = new Map(
    refs.map((ref) => [`${ref.apiVersion}/${ref.kind}/${ref.namespace}/${ref.name}`, ref]),
  );
  return [...byKey.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, ref]) => ref);
}

/** The whole google.protobuf.Any around an encoded message, with its hash. */
export function encodeResource(
  name: string,
  typeUrl: string,
  value: Uint8Array,
  origin: readonly ObjectRef[],
): EncodedResource {
  const any = new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string(typeUrl)
    .tag(2, WireType.LengthDelimited)
    .bytes(value)
    .finish();
  return Object.freeze({ name, typeUrl, any, version: contentHash(any), origin: sameRefs(origin) });
}

/**
 * A table's bytes: its head, then the virtual hosts' bytes one after the other. What a repeated field holds may be
 * written piece by piece, so a virtual host is encoded once for all the tables and versions it stands in.
 * https://protobuf.dev/programming-guides/encoding/#optional
 */
function encodeTable(table: RouteTable, encodeHost: (host: VirtualHost) => Uint8Array): Uint8Array {
  const writer = new BinaryWriter().raw(toBinary(RouteConfigurationSchema, toRouteConfigurationHead(table)));
  for (const host of table.virtualHosts)
    writer.tag(virtualHostsField, WireType.LengthDelimited).bytes(encodeHost(host));
  return writer.finish();
}

/** What of a proxy's traits shows in its clusters. */
function clusterVariant({ istioExtensions, agentServesFiles }: ProxyTraits): string {
  return `cluster|${istioExtensions}|${agentServesFiles}`;
}

/** What of a proxy's traits shows in a listener: telemetry labels only where requests are looked at. */
function listenerVariant({ chains, defaultChain }: Listener, traits: ProxyTraits): string {
  const http = [...chains, ...(defaultChain ? [defaultChain] : [])].some(
    ({ filter }) => filter.kind === "http",
  );
  return http ? `listener|${JSON.stringify(traits)}` : `listener|${traits.istioExtensions}`;
}

/** Encodes pieces of an IR; what `memo` knows of equal pieces is not encoded again. */
class PieceEncoder {
  readonly #traits: ProxyTraits;
  readonly #memo: IdentityMemo;

  constructor(traits: ProxyTraits, memo: IdentityMemo) {
    this.#traits = traits;
    this.#memo = memo;
  }

  readonly cluster = (backend: Backend): EncodedResource => {
    const traits = this.#traits;
    return this.#memo.get([backend], clusterVariant(traits), () => {
      const value = toBinary(ClusterSchema, toCluster(backend, traits));
      return encodeResource(backend.name, typeUrls.cluster, value, backend.origin);
    });
  };

  readonly loadAssignment = (assignment: LoadAssignment): EncodedResource =>
    this.#memo.get([assignment], "load-assignment", () => {
      const { name, localities, origin } = assignment;
      const value = toBinary(ClusterLoadAssignmentSchema, toLoadAssignment(name, localities));
      return encodeResource(name, typeUrls.endpoint, value, origin);
    });

  readonly listener = (listener: Listener): EncodedResource =>
    this.#memo.get([listener], listenerVariant(listener, this.#traits), () => {
      const value = toBinary(ListenerSchema, toListener(listener, this.#traits));
      return encodeResource(listener.name, typeUrls.listener, value, listener.origin);
    });

  readonly routeTable = (table: RouteTable): EncodedResource =>
    this.#memo.get([table], "route-table", () => {
      const value = encodeTable(table, (host) => this.#virtualHost(host));
      const origin = table.virtualHosts.flatMap((host) => host.origin);
      return encodeResource(table.name, typeUrls.route, value, origin);
    });

  #virtualHost(host: VirtualHost): Uint8Array {
    return this.#memo.get([host], "virtual-host", () => toBinary(VirtualHostSchema, toVirtualHost(host)));
  }
}

/** The resources of a proxy by type, in lists of which each came from one part of its IR. */
export function encodeIr(
  { proxy, parts }: ProxyIr,
  memo: IdentityMemo,
): ReadonlyMap<TypeUrl, readonly ResourceList[]> {
  const encoder = new PieceEncoder(proxy, memo);
  const lists = <T>(
    variant: string,
    pieces: (part: IrPart) => readonly T[],
    encode: (piece: T) => EncodedResource,
  ) => parts.map((part) => memo.get([pieces(part)], variant, () => toResourceList(pieces(part).map(encode))));
  return new Map<TypeUrl, readonly ResourceList[]>([
    [typeUrls.cluster, lists(clusterVariant(proxy), ({ backends }) => backends, encoder.cluster)],
    [typeUrls.endpoint, lists("endpoint", ({ loadAssignments }) => loadAssignments, encoder.loadAssignment)],
    [typeUrls.listener, lists(JSON.stringify(proxy), ({ listeners }) => listeners, encoder.listener)],
    [typeUrls.route, lists("route", ({ routes }) => routes, encoder.routeTable)],
  ]);
}
