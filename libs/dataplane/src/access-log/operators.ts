import { hostname } from "node:os";
import type { SocketAddress } from "../runtime/connection.ts";
import type { StreamInfo } from "../runtime/stream-info.ts";
import { grpcStatusOf, grpcStatusText } from "./grpc-status.ts";
import { compileTimeFormat } from "./time-format.ts";

/** Reads one value; undefined where it is not known. Numbers stay numbers in JSON formats. */
export type Operator = (info: StreamInfo) => string | number | undefined;

/** `%NAME(argument):limit%` taken apart. */
export interface OperatorCall {
  readonly name: string;
  readonly argument: string;
}

/** Makes the operator of a call; undefined for names that are not known. */
export function createOperator({ name, argument }: OperatorCall): Operator | undefined {
  const simple = plainOperators[name];
  if (simple !== undefined) return simple;
  switch (name) {
    case "START_TIME": {
      const format = compileTimeFormat(argument);
      return (info) => format(info.startTime);
    }
    case "REQ":
      return eitherHeader(argument, (info, header) => info.request?.header(header));
    case "RESP":
      return eitherHeader(argument, (info, header) =>
        header === ":status" ? String(info.responseCode) : info.response?.headers.get(header),
      );
    case "TRAILER":
      return eitherHeader(argument, (info, header) => info.responseTrailers?.get(header));
    case "REQ_WITHOUT_QUERY":
      return eitherHeader(argument, (info, header) => info.request?.header(header)?.split("?", 1)[0]);
    case "DYNAMIC_METADATA":
      return metadataAt(argument, (info, filter) => info.metadata.get(filter));
    case "CLUSTER_METADATA":
      return metadataAt(argument, (info, filter) => info.upstreamClusterMetadata?.[filter]);
    case "UPSTREAM_METADATA":
      return metadataAt(argument, (info, filter) => info.upstreamHost?.metadata[filter]);
    case "GRPC_STATUS":
      return grpcStatusText(argument);
    case "FILTER_STATE":
      return () => undefined; // no filter of this proxy keeps filter state
    default:
      return undefined;
  }
}

const text = ({ address, port }: SocketAddress) =>
  port === 0 ? address : address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
const whole = (value: number) => Math.round(value);
/** Milliseconds from one moment to another; undefined where either was not reached. */
const span = (from: number, to: number) => (from === 0 || to === 0 ? undefined : whole(to - from));
const joined = (values: readonly string[] | undefined) =>
  values === undefined || values.length === 0 ? undefined : values.join(",");
const nonEmpty = (value: string | undefined) => (value === "" ? undefined : value);

/**
 * Operators without arguments.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators
 */
const plainOperators: Readonly<Record<string, Operator>> = {
  PROTOCOL: (info) => info.protocol,
  UPSTREAM_PROTOCOL: (info) => info.upstreamProtocol,
  RESPONSE_CODE: (info) => info.responseCode,
  RESPONSE_CODE_DETAILS: (info) => nonEmpty(info.details),
  CONNECTION_TERMINATION_DETAILS: (info) => info.terminationDetails,
  RESPONSE_FLAGS: (info) => (info.flags.size === 0 ? undefined : info.flagText),
  BYTES_RECEIVED: (info) => info.bytesReceived,
  BYTES_SENT: (info) => info.bytesSent,
  DURATION: (info) => span(info.started, info.ended),
  REQUEST_DURATION: (info) => span(info.started, info.requestComplete),
  REQUEST_TX_DURATION: (info) => span(info.started, info.upstreamLastByteSent),
  RESPONSE_DURATION: (info) => span(info.started, info.upstreamFirstByteReceived),
  RESPONSE_TX_DURATION: (info) => span(info.upstreamFirstByteReceived, info.downstreamLastByteSent),
  UPSTREAM_HOST: (info) => info.upstreamHost && text(info.upstreamHost),
  UPSTREAM_CLUSTER: (info) => info.upstreamCluster,
  UPSTREAM_CLUSTER_RAW: (info) => info.upstreamCluster,
  UPSTREAM_LOCAL_ADDRESS: (info) => info.upstreamLocalAddress && text(info.upstreamLocalAddress),
  UPSTREAM_TRANSPORT_FAILURE_REASON: (info) => info.upstreamTransportFailure,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: (info) => info.attempts,
  DOWNSTREAM_REMOTE_ADDRESS: (info) => text(info.remoteAddress),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (info) => info.remoteAddress.address,
  DOWNSTREAM_REMOTE_PORT: (info) => info.remoteAddress.port,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: (info) => text(info.connection.directRemoteAddress),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: (info) => info.connection.directRemoteAddress.address,
  DOWNSTREAM_LOCAL_ADDRESS: (info) => text(info.connection.localAddress),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (info) => info.connection.localAddress.address,
  DOWNSTREAM_LOCAL_PORT: (info) => info.connection.localAddress.port,
  REQUESTED_SERVER_NAME: (info) => info.connection.serverName,
  ROUTE_NAME: (info) => nonEmpty(info.route?.name),
  VIRTUAL_HOST_NAME: (info) => nonEmpty(info.route?.virtualHost),
  FILTER_CHAIN_NAME: (info) => nonEmpty(info.connection.filterChain),
  STREAM_ID: (info) => nonEmpty(info.requestId),
  HOSTNAME: () => hostname(),
  GRPC_STATUS_NUMBER: grpcStatusOf,
  DOWNSTREAM_PEER_URI_SAN: (info) => joined(info.connection.tls?.peer?.uriSans),
  DOWNSTREAM_PEER_DNS_SAN: (info) => joined(info.connection.tls?.peer?.dnsSans),
  DOWNSTREAM_LOCAL_URI_SAN: (info) => joined(info.connection.tls?.localUriSans),
  DOWNSTREAM_PEER_SUBJECT: (info) => nonEmpty(info.connection.tls?.peer?.subject),
  DOWNSTREAM_PEER_SERIAL: (info) => info.connection.tls?.peer?.serialNumber,
  DOWNSTREAM_PEER_FINGERPRINT_256: (info) => info.connection.tls?.peer?.sha256,
  DOWNSTREAM_TLS_VERSION: (info) => info.connection.tls?.version,
  DOWNSTREAM_TLS_CIPHER: (info) => info.connection.tls?.cipher,
};

/** `REQ(FIRST?SECOND)`: the second header where the first is absent. */
function eitherHeader(
  argument: string,
  read: (info: StreamInfo, header: string) => string | undefined,
): Operator {
  const [first = "", second] = argument.toLowerCase().split("?");
  // The original path is kept beside the headers, and is there only after a rewrite.
  const readOne = (info: StreamInfo, header: string) =>
    read(info, header) ??
    (header === "x-envoy-original-path" && info.originalPath !== info.request?.path
      ? nonEmpty(info.originalPath)
      : undefined);
  return (info) => readOne(info, first) ?? (second === undefined ? undefined : readOne(info, second));
}

/** Objects come out with their keys in order, as in Envoy. */
function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `DYNAMIC_METADATA(filter:key:key)`; objects come out as JSON. */
function metadataAt(argument: string, read: (info: StreamInfo, filter: string) => unknown): Operator {
  const [filter = "", ...path] = argument.split(":");
  return (info) => {
    let value: unknown = read(info, filter);
    for (const key of path) {
      value = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
    }
    if (value === undefined || typeof value === "string" || typeof value === "number") return value;
    return JSON.stringify(value, sortKeys);
  };
}
