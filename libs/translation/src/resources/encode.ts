import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { contentHash, type ObjectRef } from "@weft/base";
import { type EncodedResource, type TypeUrl, typeUrls, type WithheldResource } from "@weft/envoy-api";
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
import { reasonToReject } from "./check-message.ts";
import { checkVirtualHost, type RejectedHost, soundHosts } from "./check-virtual-host.ts";
import { type ResourceList, toResourceList } from "./resource-list.ts";
import { type EncodedPiece, withhold } from "./withhold.ts";

/** `virtual_hosts` in envoy.config.route.v3.RouteConfiguration. */
const virtualHostsField = RouteConfigurationSchema.field.virtualHosts.number;

function sameRefs(refs: readonly ObjectRef[]): readonly ObjectRef[] {
  const byKey = new Map(
    refs.map((ref) => [`${ref.apiVersion}/${ref.kind}/${ref.namespace}/${ref.name}`, ref]),
  );
  return [...byKey.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, ref]) => ref);
}

/** The head of a field of bytes: tag and length. */
function fieldHead(field: number, length: number): Uint8Array {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish();
}

/** The whole google.protobuf.Any around the pieces of an encoded message, with its hash. */
function encodePieces(
  name: string,
  typeUrl: string,
  pieces: readonly Uint8Array[],
  origin: readonly ObjectRef[],
  withheld: readonly WithheldResource[] = [],
): EncodedPiece {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const head = new BinaryWriter().tag(1, WireType.LengthDelimited).string(typeUrl).finish();
  const any = Buffer.concat([head, fieldHead(2, length), ...pieces]);
  let refs: readonly ObjectRef[] | undefined;
  return Object.freeze({
    name,
    typeUrl,
    any,
    version: contentHash(any),
    ...(withheld.length === 0 ? {} : { withheld }),
    // Few are ever asked for, and a table has thousands.
    get origin() {
      refs ??= sameRefs(origin);
      return refs;
    },
  });
}

/** The whole google.protobuf.Any around an encoded message, with its hash. */
export function encodeResource(
  name: string,
  typeUrl: string,
  value: Uint8Array,
  origin: readonly ObjectRef[],
): EncodedResource {
  return encodePieces(name, typeUrl, [value], origin);
}

/** Encodes a message that a proxy takes; withholds one that it would reject. */
export function encodeChecked<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  of: { readonly name: string; readonly typeUrl: string; readonly origin: readonly ObjectRef[] },
): EncodedPiece {
  const reason = reasonToReject(schema, message);
  return reason === undefined
    ? encodeResource(of.name, of.typeUrl, toBinary(schema, message), of.origin)
    : withhold({ ...of, origin: blameOrder(of.origin), reason });
}

/** What an operator wrote for the mesh before the services it is about. */
function blameOrder(origin: readonly ObjectRef[]): readonly ObjectRef[] {
  const refs = sameRefs(origin);
  const isService = ({ apiVersion }: ObjectRef) => apiVersion === "v1";
  return [...refs.filter((ref) => !isService(ref)), ...refs.filter(isService)];
}

/** A virtual host as it stands in a table, or why it does not. */
interface EncodedHost {
  readonly bytes?: Uint8Array;
  readonly rejected?: RejectedHost;
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
  if (http) return `listener|${JSON.stringify(traits)}`;
  return `listener|${traits.istioExtensions}|${traits.agentServesFiles}`;
}

/** Encodes pieces of an IR; what `memo` knows of equal pieces is not encoded again. */
export class PieceEncoder {
  readonly #traits: ProxyTraits;
  readonly #memo: IdentityMemo;

  constructor(traits: ProxyTraits, memo: IdentityMemo) {
    this.#traits = traits;
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
    this.#memo.get([listener], listenerVariant(listener, this.#traits), () => {
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
}

/** The resources of a proxy by type: those of its own, and those that it shares. */
export function encodeIr(
  { proxy, parts }: ProxyIr,
  { memo, last, scopeKey }: EncodeOptions,
): ReadonlyMap<TypeUrl, readonly ResourceList[]> {
  const encoder = new PieceEncoder(proxy, memo);
  const shared = (key: string, resources: readonly EncodedResource[]) => {
    const list = toResourceList(resources, last.get(key));
    last.delete(key);
    last.set(key, list);
    const [oldest] = last.keys();
    if (last.size > maxLastLists && oldest !== undefined) last.delete(oldest);
    return list;
  };
  const lists = <T>(
    typeUrl: TypeUrl,
    variant: string,
    pieces: (part: IrPart) => readonly T[],
    encode: (piece: T) => EncodedResource,
  ): readonly [TypeUrl, readonly ResourceList[]] => [
    typeUrl,
    parts.map((part, index) =>
      memo.get([pieces(part)], variant, () => {
        const resources = pieces(part).map(encode);
        return index === 0
          ? toResourceList(resources)
          : shared(`${typeUrl}|${scopeKey}|${variant}`, resources);
      }),
    ),
  ];
  return new Map([
    lists(typeUrls.cluster, clusterVariant(proxy), ({ backends }) => backends, encoder.cluster),
    lists(typeUrls.endpoint, "endpoint", ({ loadAssignments }) => loadAssignments, encoder.loadAssignment),
    lists(typeUrls.listener, JSON.stringify(proxy), ({ listeners }) => listeners, encoder.listener),
    lists(typeUrls.route, "route", ({ routes }) => routes, encoder.routeTable),
  ]);
}
