import type { Any } from "@bufbuild/protobuf/wkt";
import { typeNameOf } from "@weft/envoy-api";
import type { Cluster } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import type { TransportSocket } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type { DownstreamTransport, UpstreamTransport } from "../runtime/transport.ts";
import { createRawTransport, failedSocket, type RawTransportOptions, tlsNotAvailable } from "../tcp/index.ts";
import type { Problems } from "./problems.ts";
import { reportUnknownExtension, unpackKnown } from "./values.ts";

const rawBuffer = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";
const downstreamTls = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
const upstreamTls = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";

/** The transport sockets that are compiled in, by the names Envoy lists them under. */
export const transportSocketNames = [
  "envoy.transport_sockets.raw_buffer",
  "envoy.transport_sockets.tls",
] as const;

/** Downstream: undefined for raw. Certificates are not taken yet: a TLS chain closes its connections. */
export function compileDownstreamTransport(
  socket: TransportSocket | undefined,
  path: string,
  problems: Problems,
): DownstreamTransport | undefined {
  switch (kindOf(socket, downstreamTls, path, problems)) {
    case "raw":
      return undefined;
    case "tls":
      return { accept: () => Promise.reject(tlsNotAvailable("downstream")) };
  }
}

/**
 * Upstream: the first of `transport_socket_matches` whose fields the endpoint's metadata has, else
 * `transport_socket`, else raw. Where that is TLS, connecting fails: certificates are not taken yet.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto#config-cluster-v3-cluster-transportsocketmatch
 */
export function compileUpstreamTransport(
  cluster: Cluster,
  options: RawTransportOptions,
  problems: Problems,
): UpstreamTransport {
  const create = (socket: TransportSocket | undefined, path: string): UpstreamTransport =>
    kindOf(socket, upstreamTls, path, problems) === "raw"
      ? createRawTransport(options)
      : { connect: () => failedSocket(tlsNotAvailable("upstream")) };
  const otherwise = create(cluster.transportSocket, "transport_socket");
  const matches = cluster.transportSocketMatches.map(({ match = {}, transportSocket }, index) => ({
    wanted: Object.entries(match),
    transport: create(transportSocket, `transport_socket_matches[${index}].transport_socket`),
  }));
  if (matches.length === 0) return otherwise;
  return {
    connect: (target, localAddress) => {
      const has = (target.metadata["envoy.transport_socket_match"] ?? {}) as Readonly<
        Record<string, unknown>
      >; // a Struct
      const chosen = matches.find(({ wanted }) => wanted.every(([key, value]) => has[key] === value));
      return (chosen?.transport ?? otherwise).connect(target, localAddress);
    },
  };
}

function kindOf(
  socket: TransportSocket | undefined,
  tlsType: string,
  path: string,
  problems: Problems,
): "raw" | "tls" {
  if (socket === undefined) return "raw";
  const any: Any | undefined = socket.configType.case === "typedConfig" ? socket.configType.value : undefined;
  // Istio names the raw transport without a type.
  if (any === undefined && socket.name === transportSocketNames[0]) return "raw";
  const typeName = typeNameOf(any?.typeUrl ?? "");
  if (any !== undefined && (typeName === rawBuffer || typeName === tlsType)) {
    unpackKnown(any, `${path}.typed_config`, problems);
    return typeName === tlsType ? "tls" : "raw";
  }
  reportUnknownExtension(problems, path, { name: socket.name, typeUrl: any?.typeUrl }, transportSocketNames);
  return "raw";
}
