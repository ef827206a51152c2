import { typeNameOf } from "@weft/envoy-api";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import {
  type HttpConnectionManager,
  HttpConnectionManager_CodecType,
} from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpConnectionManagerConfig } from "../runtime/http-connection-manager.ts";
import { defaultHeadLimits } from "../runtime/http-connection-manager.ts";
import type { RouteTable } from "../runtime/route.ts";
import { compileAccessLogs } from "./access-log.ts";
import { checkFields } from "./check-fields.ts";
import type { CompileEnvironment } from "./environment.ts";
import { compileHttpFilters } from "./http-filters/index.ts";
import { compileHeaders, compileHttp1, compilePath, compileTimeouts } from "./http-settings.ts";
import { compileHttp2 } from "./http2-options.ts";
import type { Problems } from "./problems.ts";
import { compileTable } from "./route/table.ts";
import { durationMs, reportUnknownExtension, unpackKnown } from "./values.ts";

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
      accessLogs: [
        ...filters.filters.flatMap(({ log, offByDefault }) =>
          log === undefined || offByDefault === true ? [] : [log],
        ),
        ...compileAccessLogs(message.accessLog, `${path}.access_log`, environment, problems),
      ],
      http1: compileHttp1(message),
      http2: compileHttp2(message.http2ProtocolOptions),
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

/** Of a client's certificates only its own goes into x-forwarded-client-cert. */
function checkClientCertDetails(message: HttpConnectionManager, path: string, problems: Problems): void {
  if (message.setCurrentClientCertDetails?.chain === true)
    problems.warning(
      `${path}.set_current_client_cert_details.chain`,
      "without-effect",
      "has no effect: this proxy does not forward chains of certificates",
    );
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
      return "http2";
    case HttpConnectionManager_CodecType.HTTP3:
      problems.error(
        `${path}.codec_type`,
        "not-implemented",
        "HTTP3 is not served, use AUTO, HTTP1 or HTTP2",
      );
      return "auto";
  }
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
