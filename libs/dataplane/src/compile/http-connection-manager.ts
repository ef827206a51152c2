import { typeNameOf } from "@weft/envoy-api";
import { HttpProtocolOptions_HeadersWithUnderscoresAction } from "@weft/envoy-api/envoy/config/core/v3/protocol_pb.js";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import {
  type HttpConnectionManager,
  HttpConnectionManager_CodecType,
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManager_PathWithEscapedSlashesAction,
  HttpConnectionManager_ServerHeaderTransformation,
} from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { parseIp, rangeContains } from "../listener/cidr.ts";
import type {
  HeaderSettings,
  Http1Settings,
  HttpConnectionManagerConfig,
  PathSettings,
  StreamTimeouts,
} from "../runtime/http-connection-manager.ts";
import {
  defaultHeadLimits,
  defaultHttp1Settings,
  defaultStreamTimeouts,
} from "../runtime/http-connection-manager.ts";
import type { RouteTable } from "../runtime/route.ts";
import { compileAccessLogs } from "./access-log.ts";
import { checkFields } from "./check-fields.ts";
import type { CompileEnvironment } from "./environment.ts";
import { compileHttpFilters } from "./http-filters/index.ts";
import type { Problems } from "./problems.ts";
import { compileTable } from "./route/table.ts";
import { compileRanges, durationMs, reportUnknownExtension, unpackKnown } from "./values.ts";

const uuidRequestId = "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig";

/** A connection manager, with the route configurations that it takes from RDS. */
export interface CompiledConnectionManager {
  readonly config: HttpConnectionManagerConfig;
  readonly rds: readonly RdsReference[];
}

/** A route configuration that comes by RDS. */
export interface RdsReference {
  readonly name: string;
  /** How long a listener waits for it; 0 for no limit. */
  readonly initialFetchTimeoutMs: number;
}

/** Compiles an HTTP connection manager whose fields are checked already. */
export function compileHttpConnectionManager(
  message: HttpConnectionManager,
  path: string,
  environment: CompileEnvironment,
  problems: Problems,
): CompiledConnectionManager | undefined {
  const stats = environment.stats.scope(`http.${message.statPrefix}`);
  const routes = compileRouteSource(message, path, environment, problems);
  const filters = compileHttpFilters(
    message.httpFilters,
    `${path}.http_filters`,
    stats,
    environment,
    problems,
  );
  if (routes === undefined || filters === undefined) return undefined;
  const { clock, random, requestId } = environment;
  checkRequestIdExtension(message, path, problems);
  checkClientCertDetails(message, path, problems);
  const common = message.commonHttpProtocolOptions;
  return {
    rds: routes.rds,
    config: {
      codec: codecOf(message.codecType, path, problems),
      stats,
      routes: routes.current,
      filters: filters.filters,
      terminal: filters.terminal,
      accessLogs: compileAccessLogs(message.accessLog, `${path}.access_log`, environment, problems),
      http1: compileHttp1(message),
      headers: compileHeaders(message),
      path: compilePath(message),
      timeouts: compileTimeouts(message),
      limits: {
        maxHeadBytes: (message.maxRequestHeadersKb ?? 60) * 1024,
        maxHeaders: common?.maxHeadersCount ?? defaultHeadLimits.maxHeaders,
      },
      upgrades: new Set(
        message.upgradeConfigs
          .filter(({ enabled }) => enabled !== false)
          .map(({ upgradeType }) => upgradeType.toLowerCase()),
      ),
      proxy100Continue: message.proxy100Continue,
      maxRequestsPerConnection: common?.maxRequestsPerConnection ?? 0,
      clock,
      random,
      requestId,
    },
  };
}

/** Of a client's certificate its names and hash go into x-forwarded-client-cert, not the whole of it. */
function checkClientCertDetails(message: HttpConnectionManager, path: string, problems: Problems): void {
  for (const field of ["cert", "chain"] as const) {
    if (message.setCurrentClientCertDetails?.[field] === true)
      problems.warning(
        `${path}.set_current_client_cert_details.${field}`,
        "without-effect",
        "has no effect: this proxy does not forward whole certificates",
      );
  }
}

interface RouteSource {
  readonly rds: readonly RdsReference[];
  readonly current: () => RouteTable | undefined;
}

function compileRouteSource(
  { routeSpecifier }: HttpConnectionManager,
  path: string,
  environment: CompileEnvironment,
  problems: Problems,
): RouteSource | undefined {
  switch (routeSpecifier.case) {
    case "rds": {
      const { routeConfigName: name, configSource } = routeSpecifier.value;
      const initialFetchTimeoutMs = durationMs(configSource?.initialFetchTimeout, 15_000);
      let last: RouteTable | undefined;
      const current = () => {
        // A drained connection may outlive its listener's subscription: it goes on with what it had.
        last = environment.routes(name) ?? last;
        return last;
      };
      return { rds: [{ name, initialFetchTimeoutMs }], current };
    }
    case "routeConfig": {
      const at = `${path}.route_config`;
      problems.add(checkFields(RouteConfigurationSchema, routeSpecifier.value, at));
      const table = compileTable(routeSpecifier.value, `${at}.`, environment.httpFilters, problems);
      return table && { rds: [], current: () => table };
    }
    default:
      problems.error(path, "not-implemented", "needs one of rds, route_config");
      return undefined;
  }
}

function codecOf(
  type: HttpConnectionManager_CodecType,
  path: string,
  problems: Problems,
): HttpConnectionManagerConfig["codec"] {
  switch (type) {
    case HttpConnectionManager_CodecType.AUTO:
      return "auto";
    case HttpConnectionManager_CodecType.HTTP1:
      return "http1";
    case HttpConnectionManager_CodecType.HTTP2:
      problems.error(`${path}.codec_type`, "not-implemented", "HTTP2 is not served yet, use AUTO or HTTP1");
      return "http2";
    case HttpConnectionManager_CodecType.HTTP3:
      problems.error(`${path}.codec_type`, "not-implemented", "HTTP3 is not served, use AUTO or HTTP1");
      return "auto";
  }
}

function compileHttp1({ httpProtocolOptions: options }: HttpConnectionManager): Http1Settings {
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

function compileHeaders(message: HttpConnectionManager): HeaderSettings {
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
    },
    internalAddress: compileInternalAddress(message),
    stripPort: stripPortOf(message),
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

function compilePath(message: HttpConnectionManager): PathSettings {
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

function compileTimeouts(message: HttpConnectionManager): StreamTimeouts {
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

function checkRequestIdExtension(
  { requestIdExtension }: HttpConnectionManager,
  path: string,
  problems: Problems,
): void {
  const any = requestIdExtension?.typedConfig;
  if (any === undefined) return;
  if (typeNameOf(any.typeUrl) === uuidRequestId) {
    unpackKnown(any, `${path}.request_id_extension.typed_config`, problems);
    return;
  }
  reportUnknownExtension(problems, `${path}.request_id_extension`, { name: "", typeUrl: any.typeUrl }, [
    "envoy.request_id.uuid",
  ]);
}
