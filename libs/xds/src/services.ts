import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { MethodDefinition } from "@grpc/grpc-js";
import { typeUrls } from "@weft/envoy-api";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DiscoveryRequest,
  DiscoveryRequestSchema,
} from "@weft/envoy-api/envoy/service/discovery/v3/discovery_pb.js";

/** A discovery service of Envoy's: the aggregated one, or one of a single resource type. */
export interface DiscoveryService {
  readonly name: string;
  /** The one type it serves; undefined for ADS, where each request names its type. */
  readonly typeUrl: string | undefined;
  readonly sotwMethod: string;
  readonly deltaMethod: string;
  /** The unary method for polling, which a single-type service has besides. */
  readonly fetchMethod?: string;
}

/** All services served; envoy/service/{discovery,cluster,endpoint,listener,route,secret}/v3. */
export const discoveryServices: readonly DiscoveryService[] = [
  {
    name: "envoy.service.discovery.v3.AggregatedDiscoveryService",
    typeUrl: undefined,
    sotwMethod: "StreamAggregatedResources",
    deltaMethod: "DeltaAggregatedResources",
  },
  single("envoy.service.cluster.v3.ClusterDiscoveryService", typeUrls.cluster, "Clusters"),
  single("envoy.service.endpoint.v3.EndpointDiscoveryService", typeUrls.endpoint, "Endpoints"),
  single("envoy.service.listener.v3.ListenerDiscoveryService", typeUrls.listener, "Listeners"),
  single("envoy.service.route.v3.RouteDiscoveryService", typeUrls.route, "Routes"),
  single("envoy.service.secret.v3.SecretDiscoveryService", typeUrls.secret, "Secrets"),
];

function single(name: string, typeUrl: string, plural: string): DiscoveryService {
  return {
    name,
    typeUrl,
    sotwMethod: `Stream${plural}`,
    deltaMethod: `Delta${plural}`,
    fetchMethod: `Fetch${plural}`,
  };
}

/** The aggregated discovery service, which clients use. */
export const adsService = discoveryServices[0] as DiscoveryService;

/** The discovery service of secrets alone. */
export const secretService = discoveryServices.at(-1) as DiscoveryService;

const bytes = (value: Buffer) => value;
const encodeSotw = (request: DiscoveryRequest) => toBuffer(toBinary(DiscoveryRequestSchema, request));
const encodeDelta = (request: DeltaDiscoveryRequest) =>
  toBuffer(toBinary(DeltaDiscoveryRequestSchema, request));

function toBuffer(data: Uint8Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** How requests are read. */
export const decodeSotw = (data: Buffer): DiscoveryRequest => fromBinary(DiscoveryRequestSchema, data);
/** How incremental requests are read. */
export const decodeDelta = (data: Buffer): DeltaDiscoveryRequest =>
  fromBinary(DeltaDiscoveryRequestSchema, data);

/** How grpc-js calls or serves a service's state-of-the-world method. Responses stay bytes. */
export function sotwMethod(
  service: DiscoveryService,
  decode = decodeSotw,
): MethodDefinition<DiscoveryRequest, Buffer> {
  return method(service, service.sotwMethod, {
    serialize: encodeSotw,
    deserialize: decode,
    stream: true,
  });
}

/** How grpc-js calls or serves a service's incremental method. Responses stay bytes. */
export function deltaMethod(
  service: DiscoveryService,
  decode = decodeDelta,
): MethodDefinition<DeltaDiscoveryRequest, Buffer> {
  return method(service, service.deltaMethod, {
    serialize: encodeDelta,
    deserialize: decode,
    stream: true,
  });
}

/** How grpc-js serves a service's method for polling. */
export function fetchMethod(
  service: DiscoveryService,
  name: string,
): MethodDefinition<DiscoveryRequest, Buffer> {
  return method(service, name, { serialize: encodeSotw, deserialize: decodeSotw, stream: false });
}

interface RequestCodec<Request> {
  readonly serialize: (request: Request) => Buffer;
  readonly deserialize: (data: Buffer) => Request;
  readonly stream: boolean;
}

function method<Request>(
  service: DiscoveryService,
  name: string,
  codec: RequestCodec<Request>,
): MethodDefinition<Request, Buffer> {
  return {
    path: `/${service.name}/${name}`,
    requestStream: codec.stream,
    responseStream: codec.stream,
    requestSerialize: codec.serialize,
    requestDeserialize: codec.deserialize,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
}
