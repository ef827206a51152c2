import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { assertNever } from "@weft/base";
import {
  type VirtualHost as EnvoyVirtualHost,
  RedirectAction_RedirectResponseCode as RedirectCode,
  type RouteMatchSchema,
  type RouteSchema,
  VirtualHost_TlsRequirementType,
  VirtualHostSchema,
} from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
  type Vhds,
  VhdsSchema,
} from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { ads } from "../envoy/config-source.ts";
import { configPath } from "../envoy/metadata.ts";
import { toMetadataMatcher } from "../envoy/metadata-match.ts";
import { toStringMatcher } from "../envoy/string-match.ts";
import { perRouteConfigs } from "../http-filters/per-route/index.ts";
import type { Route, RouteAction, RouteMatch, RouteTable, VirtualHost } from "../ir/index.ts";
import { toRegexRewrite, toRouteAction } from "./action-to-envoy.ts";
import { headerFields } from "./headers-to-envoy.ts";

type EnvoyRoute = MessageInitShape<typeof RouteSchema>;

function toRouteMatch(match: RouteMatch): MessageInitShape<typeof RouteMatchSchema> {
  const path = match.path;
  const pathSpecifier =
    path.kind === "regex"
      ? { case: "safeRegex" as const, value: { regex: path.value } }
      : path.kind === "exact"
        ? { case: "path" as const, value: path.value }
        : path.kind === "segments"
          ? { case: "pathSeparatedPrefix" as const, value: path.value }
          : { case: "prefix" as const, value: path.value };
  return {
    pathSpecifier,
    ...(match.caseSensitive === undefined ? {} : { caseSensitive: match.caseSensitive }),
    headers: match.headers.map(({ name, value, invert }) => ({
      name,
      headerMatchSpecifier:
        value.kind === "present"
          ? { case: "presentMatch", value: true }
          : { case: "stringMatch", value: toStringMatcher(value) },
      ...(invert ? { invertMatch: true } : {}),
    })),
    queryParameters: match.queryParameters.map(({ name, value }) => ({
      name,
      queryParameterMatchSpecifier:
        value.kind === "present"
          ? { case: "presentMatch", value: true }
          : { case: "stringMatch", value: toStringMatcher(value) },
    })),
    ...(match.claims === undefined
      ? {}
      : {
          dynamicMetadata: match.claims.map(({ match: claim, invert }) => ({
            ...toMetadataMatcher(claim),
            ...(invert ? { invert } : {}),
          })),
        }),
  };
}

const redirectCodes = {
  301: RedirectCode.MOVED_PERMANENTLY,
  302: RedirectCode.FOUND,
  303: RedirectCode.SEE_OTHER,
  307: RedirectCode.TEMPORARY_REDIRECT,
  308: RedirectCode.PERMANENT_REDIRECT,
} as const;

function toAction(action: RouteAction): NonNullable<(EnvoyRoute & object)["action"]> {
  switch (action.kind) {
    case "forward":
      return { case: "route", value: toRouteAction(action) };
    case "redirect":
      return {
        case: "redirect",
        value: {
          hostRedirect: action.host ?? "",
          portRedirect: action.port ?? 0,
          responseCode: redirectCodes[action.status],
          ...(action.scheme === undefined
            ? {}
            : { schemeRewriteSpecifier: { case: "schemeRedirect", value: action.scheme } }),
          ...(action.path !== undefined
            ? { pathRewriteSpecifier: { case: "pathRedirect", value: action.path } }
            : action.prefix !== undefined
              ? { pathRewriteSpecifier: { case: "prefixRewrite", value: action.prefix } }
              : action.regex !== undefined
                ? { pathRewriteSpecifier: { case: "regexRewrite", value: toRegexRewrite(action.regex) } }
                : {}),
        },
      };
    case "direct-response":
      return {
        case: "directResponse",
        value: {
          status: action.status,
          ...(action.body === undefined
            ? {}
            : {
                body: {
                  specifier:
                    typeof action.body === "string"
                      ? { case: "inlineString", value: action.body }
                      : { case: "inlineBytes", value: action.body },
                },
              }),
        },
      };
    default:
      return assertNever(action);
  }
}

function toRoute(route: Route): EnvoyRoute {
  const filters: { [name: string]: Any } = perRouteConfigs(route);
  return {
    name: route.name,
    match: toRouteMatch(route.match),
    action: toAction(route.action),
    ...(route.statPrefix === undefined ? {} : { statPrefix: route.statPrefix }),
    ...(route.operation === undefined ? {} : { decorator: { operation: route.operation } }),
    ...(route.config
      ? { metadata: { filterMetadata: { istio: { config: configPath(route.config) } } } }
      : {}),
    ...headerFields(route.requestHeaders, route.responseHeaders),
    typedPerFilterConfig: filters,
  };
}

/** Envoy's VirtualHost. */
export function toVirtualHost(host: VirtualHost): EnvoyVirtualHost {
  return create(VirtualHostSchema, {
    name: host.name,
    domains: [...host.domains],
    routes: host.routes.map(toRoute),
    includeRequestAttemptCount: host.countAttempts,
    requireTls: host.requireTls ? VirtualHost_TlsRequirementType.ALL : VirtualHost_TlsRequirementType.NONE,
  });
}

/** Where a proxy gets the virtual hosts of a table that does not hold them: over the stream it already has. */
export function toVhds(): Vhds {
  return create(VhdsSchema, { configSource: ads });
}

/** All of a table but its virtual hosts, which {@link toVirtualHost} makes one by one. `vhds`: the proxy is to ask for them. */
export function toRouteConfigurationHead(
  table: RouteTable,
  { vhds = false }: { readonly vhds?: boolean } = {},
): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name: table.name,
    ...(vhds ? { vhds: toVhds() } : {}),
    // A route may name a cluster that comes a moment later, or one of a subset that is gone: requests get 503, not a NACK.
    validateClusters: false,
    ignorePortInHostMatching: table.ignorePort,
    ...(table.maxDirectResponseBytes === undefined
      ? {}
      : { maxDirectResponseBodySizeBytes: table.maxDirectResponseBytes }),
  });
}

/** Envoy's RouteConfiguration. */
export function toRouteConfiguration(table: RouteTable): RouteConfiguration {
  const head = toRouteConfigurationHead(table);
  head.virtualHosts = table.virtualHosts.map(toVirtualHost);
  return head;
}
