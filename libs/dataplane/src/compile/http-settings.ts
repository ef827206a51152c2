import { HttpProtocolOptions_HeadersWithUnderscoresAction } from "@weft/envoy-api/envoy/config/core/v3/protocol_pb.js";
import {
  type HttpConnectionManager,
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManager_PathWithEscapedSlashesAction,
  HttpConnectionManager_ServerHeaderTransformation,
} from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { parseIp, rangeContains } from "@weft/matching";
import {
  defaultHttp1Settings,
  defaultStreamTimeouts,
  type HeaderSettings,
  type Http1Settings,
  type PathSettings,
  type StreamTimeouts,
} from "../runtime/http-connection-manager.ts";
import { compileRanges, durationMs } from "./values.ts";

/** What HTTP/1 peers may do. */
export function compileHttp1({ httpProtocolOptions: options }: HttpConnectionManager): Http1Settings {
  if (options === undefined) return defaultHttp1Settings;
  return {
    acceptHttp10: options.acceptHttp10,
    defaultHost: options.defaultHostForHttp10,
    allowAbsoluteUrl: options.allowAbsoluteUrl ?? true,
    preserveHeaderCase: options.headerKeyFormat?.headerFormat.case === "statefulFormatter",
    allowChunkedLength: options.allowChunkedLength,
    enableTrailers: options.enableTrailers,
  };
}

/** What is done to headers. */
export function compileHeaders(message: HttpConnectionManager): HeaderSettings {
  const details = message.setCurrentClientCertDetails;
  return {
    serverName: message.serverName === "" ? "envoy" : message.serverName,
    serverHeader: serverHeaderOf(message.serverHeaderTransformation),
    useRemoteAddress: message.useRemoteAddress ?? false,
    xffNumTrustedHops: message.xffNumTrustedHops,
    skipXffAppend: message.skipXffAppend,
    via: message.via,
    generateRequestId: message.generateRequestId ?? true,
    preserveExternalRequestId: message.preserveExternalRequestId,
    alwaysSetRequestIdInResponse: message.alwaysSetRequestIdInResponse,
    forwardClientCert: forwardClientCertOf(message.forwardClientCertDetails),
    clientCertDetails: {
      subject: details?.subject ?? false,
      uri: details?.uri ?? false,
      dns: details?.dns ?? false,
      cert: details?.cert ?? false,
    },
    internalAddress: compileInternalAddress(message),
    stripPort: stripPortOf(message),
    stripTrailingDot: message.stripTrailingHostDot,
    underscores: underscoresOf(message.commonHttpProtocolOptions?.headersWithUnderscoresAction),
  };
}

/** Addresses of private use, which Envoy takes for inside while it is not told otherwise. */
const privateRanges = [
  { address: "10.0.0.0", prefixLength: 8 },
  { address: "172.16.0.0", prefixLength: 12 },
  { address: "192.168.0.0", prefixLength: 16 },
  { address: "127.0.0.0", prefixLength: 8 },
  { address: "::1", prefixLength: 128 },
  { address: "fd00::", prefixLength: 8 },
];

/** As Envoy since 1.33: without `internal_address_config` no address is inside. */
function compileInternalAddress({
  internalAddressConfig,
}: HttpConnectionManager): (address: string) => boolean {
  if (internalAddressConfig === undefined) return () => false;
  const ranges = compileRanges(internalAddressConfig.cidrRanges);
  const used = ranges.length > 0 ? ranges : privateRanges;
  return (address) => {
    if (address.startsWith("/")) return internalAddressConfig.unixSockets;
    const ip = parseIp(address);
    return ip !== undefined && used.some((range) => rangeContains(range, ip));
  };
}

function serverHeaderOf(
  value: HttpConnectionManager_ServerHeaderTransformation,
): HeaderSettings["serverHeader"] {
  switch (value) {
    case HttpConnectionManager_ServerHeaderTransformation.OVERWRITE:
      return "overwrite";
    case HttpConnectionManager_ServerHeaderTransformation.APPEND_IF_ABSENT:
      return "append-if-absent";
    case HttpConnectionManager_ServerHeaderTransformation.PASS_THROUGH:
      return "pass-through";
  }
}

function forwardClientCertOf(
  value: HttpConnectionManager_ForwardClientCertDetails,
): HeaderSettings["forwardClientCert"] {
  switch (value) {
    case HttpConnectionManager_ForwardClientCertDetails.SANITIZE:
      return "sanitize";
    case HttpConnectionManager_ForwardClientCertDetails.FORWARD_ONLY:
      return "forward-only";
    case HttpConnectionManager_ForwardClientCertDetails.APPEND_FORWARD:
      return "append-forward";
    case HttpConnectionManager_ForwardClientCertDetails.SANITIZE_SET:
      return "sanitize-set";
    case HttpConnectionManager_ForwardClientCertDetails.ALWAYS_FORWARD_ONLY:
      return "always-forward-only";
  }
}

function stripPortOf({
  stripMatchingHostPort,
  stripPortMode,
}: HttpConnectionManager): HeaderSettings["stripPort"] {
  if (stripPortMode.case === "stripAnyHostPort" && stripPortMode.value) return "any";
  return stripMatchingHostPort ? "matching" : "none";
}

function underscoresOf(
  value: HttpProtocolOptions_HeadersWithUnderscoresAction | undefined,
): HeaderSettings["underscores"] {
  switch (value) {
    case HttpProtocolOptions_HeadersWithUnderscoresAction.REJECT_REQUEST:
      return "reject";
    case HttpProtocolOptions_HeadersWithUnderscoresAction.DROP_HEADER:
      return "drop";
    default:
      return "allow";
  }
}

/** Changes to the path before routes are matched. */
export function compilePath(message: HttpConnectionManager): PathSettings {
  return {
    normalize: message.normalizePath ?? false,
    mergeSlashes: message.mergeSlashes,
    escapedSlashes: escapedSlashesOf(message.pathWithEscapedSlashesAction),
  };
}

function escapedSlashesOf(
  value: HttpConnectionManager_PathWithEscapedSlashesAction,
): PathSettings["escapedSlashes"] {
  switch (value) {
    case HttpConnectionManager_PathWithEscapedSlashesAction.REJECT_REQUEST:
      return "reject";
    case HttpConnectionManager_PathWithEscapedSlashesAction.UNESCAPE_AND_REDIRECT:
      return "unescape-redirect";
    case HttpConnectionManager_PathWithEscapedSlashesAction.UNESCAPE_AND_FORWARD:
      return "unescape-forward";
    default:
      return "keep";
  }
}

/** Limits on time. */
export function compileTimeouts(message: HttpConnectionManager): StreamTimeouts {
  const common = message.commonHttpProtocolOptions;
  return {
    streamIdleMs: durationMs(message.streamIdleTimeout, defaultStreamTimeouts.streamIdleMs),
    requestMs: durationMs(message.requestTimeout, 0),
    requestHeadersMs: durationMs(message.requestHeadersTimeout, 0),
    idleMs: durationMs(common?.idleTimeout, defaultStreamTimeouts.idleMs),
    maxStreamDurationMs: durationMs(common?.maxStreamDuration, 0),
    maxConnectionDurationMs: durationMs(common?.maxConnectionDuration, 0),
    drainMs: durationMs(message.drainTimeout, defaultStreamTimeouts.drainMs),
  };
}
