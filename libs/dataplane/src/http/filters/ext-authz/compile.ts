import type { Message } from "@bufbuild/protobuf";
import type {
  BufferSettings,
  ExtAuthz,
  ExtAuthzPerRoute,
} from "@weft/envoy-api/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import { compileMetadata, type MetadataSource, type TextMatcher } from "@weft/matching";
import type { HttpFilterContext, HttpFilterFactory } from "../../../compile/environment.ts";
import { compileGrpcAuthorizer, compileHttpAuthorizer, compileNames } from "../../../compile/ext-authz.ts";
import { decodeMetadataMatcher } from "../../../compile/metadata-matcher.ts";
import type { Problems } from "../../../compile/problems.ts";
import { decodeFraction } from "../../../compile/route/matchers.ts";
import type { Authorizer } from "../../../ext-authz/index.ts";
import {
  type BodySettings,
  createExtAuthzFilter,
  type ExtAuthzConfig,
  type ExtAuthzRouteConfig,
} from "./filter.ts";

const types = "envoy.extensions.filters.http.ext_authz.v3";
const forbidden = 403;
/** Of a body that is shown, whatever is asked for. */
const maxBodyBytes = 8 * 1024 * 1024;

/** `envoy.filters.http.ext_authz`; a route may ask not to be checked, and say more of itself. */
export const extAuthz: HttpFilterFactory = {
  name: "envoy.filters.http.ext_authz",
  configTypes: [`${types}.ExtAuthz`],
  routeConfigTypes: [`${types}.ExtAuthzPerRoute`],
  compile: (message, context) => {
    const config = compileConfig(message as ExtAuthz, context); // the registry goes by its type name
    return config && createExtAuthzFilter(context.name, config);
  },
  compileRoute: (message: Message, path: string, problems: Problems): ExtAuthzRouteConfig => {
    const { override } = message as ExtAuthzPerRoute; // as above
    if (override.case === "disabled")
      return { disabled: override.value, contextExtensions: {}, body: "inherit" };
    const settings = override.value;
    if (settings === undefined) problems.error(path, "missing", "needs disabled or check_settings");
    const at = `${path}.check_settings.with_request_body`;
    return {
      disabled: false,
      contextExtensions: settings?.contextExtensions ?? {},
      body: settings?.disableRequestBodyBuffering
        ? undefined
        : settings?.withRequestBody === undefined
          ? "inherit"
          : compileBody(settings.withRequestBody, at, problems),
    };
  },
};

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/ext_authz/v3/ext_authz.proto */
function compileConfig(message: ExtAuthz, context: HttpFilterContext): ExtAuthzConfig | undefined {
  const { path, problems } = context;
  const authorizer = compileAuthorizer(message, context);
  if (authorizer === undefined) return undefined;
  const scope = context.stats.scope(
    message.statPrefix === "" ? "ext_authz" : `ext_authz.${message.statPrefix}`,
  );
  const body = message.withRequestBody;
  const status = Number(message.statusOnError?.code ?? 0);
  return {
    authorizer,
    enabled: compileEnabled(message, path, problems),
    denyAtDisable: message.denyAtDisable?.defaultValue ?? false,
    failureModeAllow: message.failureModeAllow,
    failureModeAllowHeader: message.failureModeAllowHeaderAdd,
    statusOnError: status === 0 ? forbidden : status,
    clearRouteCache: message.clearRouteCache,
    body: body && compileBody(body, `${path}.with_request_body`, problems),
    metadataNamespaces: message.metadataContextNamespaces,
    routeMetadataNamespaces: message.routeMetadataContextNamespaces,
    takesMetadata: message.enableDynamicMetadataIngestion ?? true,
    stats: {
      ok: scope.counter("ok"),
      denied: scope.counter("denied"),
      error: scope.counter("error"),
      disabled: scope.counter("disabled"),
      failureModeAllowed: scope.counter("failure_mode_allowed"),
    },
  };
}

function compileAuthorizer(message: ExtAuthz, context: HttpFilterContext): Authorizer | undefined {
  const { path, problems, environment } = context;
  const allowed = compileNames(message.allowedHeaders, `${path}.allowed_headers`, problems);
  const disallowed = compileNames(message.disallowedHeaders, `${path}.disallowed_headers`, problems);
  const without = (shown: TextMatcher): TextMatcher =>
    disallowed === undefined ? shown : (name) => !disallowed(name) && shown(name);
  switch (message.services.case) {
    case "grpcService":
      return compileGrpcAuthorizer(
        message.services.value,
        {
          showsHeader: without(allowed ?? (() => true)),
          packBodyAsBytes: message.withRequestBody?.packAsBytes ?? false,
          includeTlsSession: message.includeTlsSession,
          includePeerCertificate: message.includePeerCertificate,
        },
        `${path}.grpc_service`,
        environment,
        problems,
      );
    case "httpService":
      return compileHttpAuthorizer(
        message.services.value,
        allowed && without(allowed),
        `${path}.http_service`,
        environment,
        problems,
      );
    case undefined:
      problems.error(path, "missing", "needs one of grpc_service, http_service");
      return undefined;
  }
}

function compileEnabled(message: ExtAuthz, path: string, problems: Problems): ExtAuthzConfig["enabled"] {
  const share = message.filterEnabled?.defaultValue;
  const { numerator, denominator } = decodeFraction(share);
  const matcher = message.filterEnabledMetadata;
  const matches =
    matcher && compileMetadata(decodeMetadataMatcher(matcher, `${path}.filter_enabled_metadata`, problems));
  return (source: MetadataSource, random: number) =>
    (share === undefined || random * denominator < numerator) && (matches?.(source) ?? true);
}

function compileBody(message: BufferSettings, path: string, problems: Problems): BodySettings {
  if (message.maxRequestBytes > maxBodyBytes)
    problems.error(
      `${path}.max_request_bytes`,
      "too-large",
      `is ${message.maxRequestBytes}, allowed are ${maxBodyBytes}`,
    );
  return { maxBytes: message.maxRequestBytes, allowPartial: message.allowPartialMessage };
}
