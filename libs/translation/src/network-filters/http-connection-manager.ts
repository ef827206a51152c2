import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  HttpConnectionManager_ForwardClientCertDetails as CertDetails,
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  type HttpConnectionManagerSchema,
} from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { UuidRequestIdConfigSchema } from "@weft/envoy-api/envoy/extensions/request_id/uuid/v3/uuid_pb.js";
import { pack } from "../envoy/any.ts";
import { ads } from "../envoy/config-source.ts";
import { defined, toDuration } from "../envoy/scalars.ts";
import { buildHttpFilters } from "../http-filters/index.ts";
import type { HttpConnections, ProxyTraits } from "../ir/index.ts";
import { toRouteConfiguration } from "../routes/to-envoy.ts";
import { toAccessLogs } from "../telemetry/to-envoy.ts";
import { tracing } from "./tracing.ts";

type ConnectionManager = Exclude<
  MessageInitShape<typeof HttpConnectionManagerSchema>,
  { $typeName: string; $unknown?: unknown }
>;

function requestIdBy(useRequestIdForTraceSampling: boolean) {
  return { typedConfig: pack(UuidRequestIdConfigSchema, { useRequestIdForTraceSampling }) };
}

/** What the proxy says of clients' certificates in x-forwarded-client-cert, by direction. */
function clientCertificate(direction: HttpConnections["direction"]): ConnectionManager {
  switch (direction) {
    case "inbound":
      return {
        forwardClientCertDetails: CertDetails.APPEND_FORWARD,
        setCurrentClientCertDetails: { subject: true, dns: true, uri: true },
      };
    case "gateway":
      return {
        forwardClientCertDetails: CertDetails.SANITIZE_SET,
        setCurrentClientCertDetails: { subject: true, cert: true, dns: true, uri: true },
      };
    case "outbound":
      return {};
  }
}

/**
 * What is done to a path before policies and routes look at it, as MeshConfig has it; by default dots are resolved, and slashes stay.
 * https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ProxyPathNormalization-NormalizationType
 */
function pathNormalization({ pathNormalization: how }: ProxyTraits): ConnectionManager {
  const decodes = how === "DECODE_AND_MERGE_SLASHES";
  return {
    normalizePath: how !== "NONE",
    mergeSlashes: decodes || how === "MERGE_SLASHES",
    pathWithEscapedSlashesAction: decodes
      ? EscapedSlashes.UNESCAPE_AND_FORWARD
      : EscapedSlashes.KEEP_UNCHANGED,
  };
}

/** Envoy's HTTP connection manager. */
export function toHttpConnectionManager(http: HttpConnections, traits: ProxyTraits): ConnectionManager {
  const side = traits.telemetry[http.direction === "inbound" ? "server" : "client"];
  const http1 = {
    ...(http.http10 ? { acceptHttp10: true } : {}),
    ...(http.forwardProxy ? { allowAbsoluteUrl: true } : {}),
  };
  return {
    statPrefix: http.statPrefix,
    routeSpecifier:
      http.routes.kind === "rds"
        ? { case: "rds", value: { configSource: ads, routeConfigName: http.routes.name } }
        : { case: "routeConfig", value: toRouteConfiguration(http.routes.table) },
    httpFilters: buildHttpFilters(http, traits),
    // The first proxy that a request from outside meets is the one that knows the client's address.
    useRemoteAddress: http.direction === "gateway",
    ...pathNormalization(traits),
    // `web.` means `web`, to policies and routes as well. What istiod sends its own build leaves the two apart.
    ...(traits.istioExtensions ? {} : { stripTrailingHostDot: true }),
    proxy100Continue: true,
    streamIdleTimeout: toDuration(0),
    upgradeConfigs: [{ upgradeType: "websocket" }],
    requestIdExtension: requestIdBy(side.tracing.byRequestId),
    accessLog: toAccessLogs(side.accessLogs),
    ...defined({ tracing: tracing(traits, http.direction) }),
    ...(http.direction === "outbound" ? {} : { serverName: "istio-envoy" }),
    ...(http.direction === "gateway" || Object.keys(http1).length > 0 ? { httpProtocolOptions: http1 } : {}),
    ...clientCertificate(http.direction),
  };
}
