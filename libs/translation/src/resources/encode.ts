import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { contentHash, type ObjectRef } from "@weft/base";
import { type EncodedResource, typeUrls } from "@weft/envoy-api";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { VirtualHostSchema } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { toCluster } from "../clusters/to-envoy.ts";
import { toLoadAssignment } from "../endpoints/to-envoy.ts";
import type { ProxyIr, ProxyTraits, RouteTable, VirtualHost } from "../ir/index.ts";
import { toListener } from "../listeners/to-envoy.ts";
import type { IdentityMemo } from "../memo.ts";
import { toRouteConfigurationHead, toVirtualHost } from "../routes/to-envoy.ts";

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

function encodeMessage<S extends DescMessage>(
  schema: S,
  message: MessageShape<S>,
  name: string,
  typeUrl: string,
  origin: readonly ObjectRef[],
): EncodedResource {
  return encodeResource(name, typeUrl, toBinary(schema, message), origin);
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

/** Traits that telemetry puts into listeners, as a key. */
function traitsKey(traits: ProxyTraits): string {
  return JSON.stringify(traits);
}

/** Every resource of a proxy, encoded; what `memo` knows of equal pieces is not encoded again. */
export function encodeIr(ir: ProxyIr, memo: IdentityMemo): readonly EncodedResource[] {
  const { proxy } = ir;
  const backendVariant = `cluster|${proxy.istioExtensions}|${proxy.agentServesFiles}`;
  const listenerVariant = `listener|${traitsKey(proxy)}`;
  const host = (virtualHost: VirtualHost) =>
    memo.get([virtualHost], "virtual-host", () => toBinary(VirtualHostSchema, toVirtualHost(virtualHost)));
  return [
    ...ir.backends.map((backend) =>
      memo.get([backend], backendVariant, () =>
        encodeMessage(
          ClusterSchema,
          toCluster(backend, proxy),
          backend.name,
          typeUrls.cluster,
          backend.origin,
        ),
      ),
    ),
    ...ir.loadAssignments.map((assignment) =>
      memo.get([assignment], "load-assignment", () =>
        encodeMessage(
          ClusterLoadAssignmentSchema,
          toLoadAssignment(assignment.name, assignment.localities),
          assignment.name,
          typeUrls.endpoint,
          assignment.origin,
        ),
      ),
    ),
    ...ir.listeners.map((listener) =>
      memo.get([listener], listenerVariant, () =>
        encodeMessage(
          ListenerSchema,
          toListener(listener, proxy),
          listener.name,
          typeUrls.listener,
          listener.origin,
        ),
      ),
    ),
    ...ir.routes.map((table) => {
      const origin = table.virtualHosts.flatMap((virtualHost) => virtualHost.origin);
      return memo.get([table], "route-table", () =>
        encodeResource(table.name, typeUrls.route, encodeTable(table, host), origin),
      );
    }),
  ];
}
