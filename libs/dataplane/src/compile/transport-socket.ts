import { type Any, anyIs } from "@bufbuild/protobuf/wkt";
import { typeNameOf } from "@weft/envoy-api";
import type { Cluster } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import type { TransportSocket } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { ProxyProtocolConfig_Version } from "@weft/envoy-api/envoy/config/core/v3/proxy_protocol_pb.js";
import { ProxyProtocolUpstreamTransportSchema } from "@weft/envoy-api/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js";
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { StatsScope } from "../runtime/stats.ts";
import type { DownstreamTransport, UpstreamTransport } from "../runtime/transport.ts";
import { createProxyProtocolTransport, createRawTransport, type RawTransportOptions } from "../tcp/index.ts";
import type { Problems } from "./problems.ts";
import type { TransportEnvironment } from "./tls/environment.ts";
import { type CompiledTransport, compileDownstreamTls, compileUpstreamTls } from "./tls/transport.ts";
import { reportUnknownExtension, unpackAs, unpackKnown } from "./values.ts";

const rawBuffer = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";

/** The transport sockets that are compiled in, by the names Envoy lists them under. */
export const transportSocketNames = [
  "envoy.transport_sockets.raw_buffer",
  "envoy.transport_sockets.tls",
] as const;

/** Those of clusters alone. */
export const upstreamTransportSocketNames = [
  ...transportSocketNames,
  "envoy.transport_sockets.upstream_proxy_protocol",
] as const;

/** What transport sockets are compiled with; `scope` is the listener's or the cluster's. */
interface TransportOptions {
  readonly scope: StatsScope;
  readonly environment: TransportEnvironment;
  readonly problems: Problems;
}

/** Compiles the transport socket of a filter chain; undefined for raw. */
export function compileDownstreamTransport(
  socket: TransportSocket | undefined,
  path: string,
  options: TransportOptions,
): CompiledTransport<DownstreamTransport> | undefined {
  const any = tlsConfigOf(socket, DownstreamTlsContextSchema.typeName, path, options.problems);
  if (any === undefined) return undefined;
  const message = unpackAs(DownstreamTlsContextSchema, any, `${path}.typed_config`, options.problems);
  return message && compileDownstreamTls(message, `${path}.typed_config`, options);
}

/**
 * Upstream: the first of `transport_socket_matches` whose fields the endpoint's metadata has, else
 * `transport_socket`, else raw.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto#config-cluster-v3-cluster-transportsocketmatch
 */
export function compileUpstreamTransport(
  cluster: Cluster,
  options: TransportOptions & { readonly raw: RawTransportOptions },
): CompiledTransport<UpstreamTransport> {
  const { raw, problems } = options;
  const plain: CompiledTransport<UpstreamTransport> = {
    transport: createRawTransport(raw),
    secrets: [],
    materials: [],
  };
  const create = (
    socket: TransportSocket | undefined,
    path: string,
  ): CompiledTransport<UpstreamTransport> => {
    const outer = socket?.configType.case === "typedConfig" ? socket.configType.value : undefined;
    if (outer !== undefined && anyIs(outer, ProxyProtocolUpstreamTransportSchema)) {
      const at = `${path}.typed_config`;
      const proxied = unpackAs(ProxyProtocolUpstreamTransportSchema, outer, at, problems);
      const inner = create(proxied?.transportSocket, `${at}.transport_socket`);
      const version = proxied?.config?.version === ProxyProtocolConfig_Version.V2 ? 2 : 1;
      return { ...inner, transport: createProxyProtocolTransport(inner.transport, version) };
    }
    const any = tlsConfigOf(socket, UpstreamTlsContextSchema.typeName, path, problems);
    if (any === undefined) return plain;
    const message = unpackAs(UpstreamTlsContextSchema, any, `${path}.typed_config`, problems);
    const compiled = message && compileUpstreamTls(message, `${path}.typed_config`, options);
    return compiled ?? plain; // a problem was reported: nothing of this cluster is used
  };
  const otherwise = create(cluster.transportSocket, "transport_socket");
  const matches = cluster.transportSocketMatches.map(({ match = {}, transportSocket }, index) => ({
    wanted: Object.entries(match),
    ...create(transportSocket, `transport_socket_matches[${index}].transport_socket`),
  }));
  if (matches.length === 0) return otherwise;
  return {
    secrets: [...matches, otherwise].flatMap(({ secrets }) => secrets),
    materials: [...matches, otherwise].flatMap(({ materials }) => materials),
    transport: {
      tellsDownstream: [...matches, otherwise].some(({ transport }) => transport.tellsDownstream === true),
      connect: (target, localAddress, onread, offered, origin) => {
        const has = (target.metadata["envoy.transport_socket_match"] ?? {}) as Readonly<
          Record<string, unknown>
        >; // a Struct
        const chosen = matches.find(({ wanted }) => wanted.every(([key, value]) => has[key] === value));
        return (chosen ?? otherwise).transport.connect(target, localAddress, onread, offered, origin);
      },
    },
  };
}

/** The configuration of a TLS transport socket; undefined for a raw one, and for one that is reported as unknown. */
function tlsConfigOf(
  socket: TransportSocket | undefined,
  tlsType: string,
  path: string,
  problems: Problems,
): Any | undefined {
  if (socket === undefined) return undefined;
  const any: Any | undefined = socket.configType.case === "typedConfig" ? socket.configType.value : undefined;
  // Istio names the raw transport without a type.
  if (any === undefined && socket.name === transportSocketNames[0]) return undefined;
  const typeName = typeNameOf(any?.typeUrl ?? "");
  if (any !== undefined && typeName === tlsType) return any;
  if (any !== undefined && typeName === rawBuffer) unpackKnown(any, `${path}.typed_config`, problems);
  else
    reportUnknownExtension(
      problems,
      path,
      { name: socket.name, typeUrl: any?.typeUrl },
      transportSocketNames,
    );
  return undefined;
}
