import {
  type Route as RouteMessage,
  type VirtualHost,
  VirtualHost_TlsRequirementType,
  VirtualHostSchema,
} from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import {
  compileDomains,
  compileRouteTable as compileLookup,
  MatcherError,
  type RouteEntry,
  type RouteLookup,
} from "@weft/matching";
import type { HeaderMutation, Route, RouteTable } from "../../runtime/route.ts";
import { checkFields } from "../check-fields.ts";
import { filterMetadata } from "../endpoints.ts";
import type { HttpFilterFactory } from "../environment.ts";
import { decodeMetadataMatcher } from "../metadata-matcher.ts";
import { type Compiled, compiled, Problems } from "../problems.ts";
import { compileAction, type RouteDefaults } from "./action.ts";
import { type CompileFilterConfigs, createFilterConfigCompiler, separateSwitches } from "./filter-config.ts";
import { compileHeaderMutations, type HeaderMutations } from "./header-options.ts";
import { decodeRouteMatch } from "./matchers.ts";
import { compileRateLimits } from "./rate-limits.ts";
import { compileRetryPolicy } from "./retry.ts";

/** A table's or virtual host's part in each of its routes. */
interface Scope {
  readonly headers: readonly HeaderMutations[];
  readonly filterConfig: ReadonlyMap<string, unknown>;
}

/** A virtual host, compiled. */
interface Host {
  readonly lookup: RouteLookup<Route>;
  /** Answers requests without TLS; undefined where none is required. */
  readonly secure: Route | undefined;
}

const defaultMaxDirectResponseBytes = 4096;

/** Compiles a route configuration to a table. `factories`: the HTTP filters whose per-route configuration is known. */
export function compileRouteTable(
  message: RouteConfiguration,
  factories: readonly HttpFilterFactory[],
): Compiled<RouteTable> {
  const problems = new Problems();
  problems.add(checkFields(RouteConfigurationSchema, message));
  return compiled(compileTable(message, "", factories, problems), problems);
}

/** The same within another message (`route_config`), whose fields are checked already. */
export function compileTable(
  message: RouteConfiguration,
  path: string,
  factories: readonly HttpFilterFactory[],
  problems: Problems,
): RouteTable | undefined {
  if (message.vhds !== undefined)
    problems.error(`${path}vhds`, "not-implemented", "is for route configurations that come over RDS");
  const frame = compileFrame(message, path, factories, problems);
  const hosts = message.virtualHosts.map((host, index) =>
    frame.host(host, `${path}virtual_hosts[${index}]`, problems),
  );
  return attempt(`${path}virtual_hosts`, problems, () => frame.table(hosts));
}

/** A virtual host as it is compiled for one table. */
export interface CompiledHost {
  readonly domains: readonly string[];
  readonly value: Host;
}

/** A route configuration apart from the virtual hosts that VHDS sends: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/vhds */
export interface RouteTableHead {
  readonly name: string;
  /** Whether hosts come over VHDS. */
  readonly discoversHosts: boolean;
  compileHost(message: VirtualHost): Compiled<CompiledHost>;
  /**
   * The table with its own hosts and these.
   * @throws {MatcherError} `duplicate-domain`
   */
  withHosts(hosts: Iterable<CompiledHost>): RouteTable;
}

/** Compiles a route configuration for hosts to be added to. */
export function compileTableHead(
  message: RouteConfiguration,
  factories: readonly HttpFilterFactory[],
): Compiled<RouteTableHead> {
  const problems = new Problems();
  problems.add(checkFields(RouteConfigurationSchema, message));
  const { vhds } = message;
  if (vhds !== undefined && vhds.configSource?.configSourceSpecifier.case !== "ads")
    problems.error(
      "vhds.config_source",
      "not-implemented",
      "must be ads, on the stream that the table came by",
    );
  const frame = compileFrame(message, "", factories, problems);
  const own = message.virtualHosts.map((host, index) =>
    frame.host(host, `virtual_hosts[${index}]`, problems),
  );
  attempt("virtual_hosts", problems, () => frame.table(own));
  const head: RouteTableHead = {
    name: message.name,
    discoversHosts: vhds !== undefined,
    compileHost: (host) => {
      const found = new Problems();
      found.add(checkFields(VirtualHostSchema, host, "virtual_host"));
      return compiled(frame.host(host, "virtual_host", found), found);
    },
    withHosts: (hosts) => frame.table([...own, ...hosts]),
  };
  return compiled(head, problems);
}

/** What a table gives its hosts. */
interface Frame {
  host(message: VirtualHost, path: string, problems: Problems): CompiledHost;
  table(hosts: readonly CompiledHost[]): RouteTable;
}

function compileFrame(
  message: RouteConfiguration,
  path: string,
  factories: readonly HttpFilterFactory[],
  problems: Problems,
): Frame {
  const scope: Scope = {
    headers: [compileHeaderMutations(message, path, problems)],
    filterConfig: createFilterConfigCompiler(factories, problems)(
      message.typedPerFilterConfig,
      `${path}typed_per_filter_config`,
    ),
  };
  return {
    host: (host, at, found) => ({
      domains: host.domains,
      value: compileHost(host, at, message, scope, createFilterConfigCompiler(factories, found), found),
    }),
    table: (hosts) => {
      const findHost = compileDomains(hosts, { ignorePort: message.ignorePortInHostMatching });
      return {
        name: message.name,
        match: (request, random) => {
          const host = findHost(request.authority);
          if (host === undefined) return undefined;
          if (host.secure !== undefined && request.scheme !== "https") return host.secure;
          return host.lookup(request, random);
        },
      };
    },
  };
}

function compileHost(
  message: VirtualHost,
  path: string,
  table: RouteConfiguration,
  tableScope: Scope,
  filterConfigs: CompileFilterConfigs,
  problems: Problems,
): Host {
  const scope: Scope = {
    headers: [compileHeaderMutations(message, `${path}.`, problems), ...tableScope.headers],
    filterConfig: new Map([
      ...tableScope.filterConfig,
      ...filterConfigs(message.typedPerFilterConfig, `${path}.typed_per_filter_config`),
    ]),
  };
  const defaults: RouteDefaults = {
    retry: message.retryPolicy && compileRetryPolicy(message.retryPolicy, `${path}.retry_policy`, problems),
    mirrors:
      message.requestMirrorPolicies.length > 0 ? message.requestMirrorPolicies : table.requestMirrorPolicies,
    maxDirectResponseBytes: table.maxDirectResponseBodySizeBytes ?? defaultMaxDirectResponseBytes,
  };
  const paths: string[] = [];
  const entries = message.routes.flatMap((route, index): RouteEntry<Route>[] => {
    const at = `${path}.routes[${index}]`;
    const entry = attempt(at, problems, () => {
      const metadata = (route.match?.dynamicMetadata ?? []).map((matcher, i) =>
        decodeMetadataMatcher(matcher, `${at}.match.dynamic_metadata[${i}]`, problems),
      );
      const match = { ...decodeRouteMatch(route.match, `${at}.match`, problems), metadata };
      const action = compileAction(route, at, defaults, filterConfigs, problems);
      if (action === undefined) return undefined;
      const most = table.mostSpecificHeaderMutationsWins;
      return {
        match,
        value: compileRoute(route, at, action, { host: message, scope, most }, filterConfigs, problems),
      };
    });
    if (entry === undefined) return [];
    paths.push(at);
    return [entry];
  });
  if (message.requireTls === VirtualHost_TlsRequirementType.EXTERNAL_ONLY) {
    problems.error(
      `${path}.require_tls`,
      "not-implemented",
      "EXTERNAL_ONLY is not implemented, use NONE or ALL",
    );
  }
  return {
    lookup: compileLookup(entries, (index, { code, message: reason }) =>
      problems.error(paths[index] ?? path, code, reason),
    ),
    secure:
      message.requireTls === VirtualHost_TlsRequirementType.ALL ? secureRedirect(message.name) : undefined,
  };
}

function compileRoute(
  message: RouteMessage,
  path: string,
  action: Route["action"],
  parent: { readonly host: VirtualHost; readonly scope: Scope; readonly most: boolean },
  filterConfigs: CompileFilterConfigs,
  problems: Problems,
): Route {
  const { host, scope, most } = parent;
  // Changes are applied from the route outwards, so that the table has the last word, unless the table says otherwise.
  const headers = [compileHeaderMutations(message, `${path}.`, problems), ...scope.headers];
  if (most) headers.reverse();
  const present = (mutation: HeaderMutation | undefined) => (mutation === undefined ? [] : [mutation]);
  const own = filterConfigs(message.typedPerFilterConfig, `${path}.typed_per_filter_config`);
  return {
    name: message.name,
    action,
    requestHeaders: headers.flatMap(({ request }) => present(request)),
    responseHeaders: headers.flatMap(({ response }) => present(response)),
    ...separateSwitches(own.size === 0 ? scope.filterConfig : new Map([...scope.filterConfig, ...own])),
    virtualHost: host.name,
    includeAttemptCount: host.includeRequestAttemptCount,
    includeAttemptCountInResponse: host.includeAttemptCountInResponse,
    ...compileRules(message, host, path, problems),
    ...(message.decorator !== undefined && { decoratorOperation: message.decorator.operation }),
    ...(message.metadata !== undefined && { metadata: filterMetadata(message.metadata) }),
  };
}

/** The virtual host's rules are compiled for each of its routes: they are few and small. */
function compileRules(
  { action }: RouteMessage,
  host: VirtualHost,
  path: string,
  problems: Problems,
): Pick<Route, "rateLimits"> {
  const own = action.case === "route" ? action.value.rateLimits : [];
  if (own.length === 0 && host.rateLimits.length === 0) return {};
  return {
    rateLimits: {
      route: compileRateLimits(own, `${path}.route.rate_limits`, problems),
      virtualHost: compileRateLimits(
        host.rateLimits,
        `${path.replace(/\.routes\[\d+\]$/, "")}.rate_limits`,
        problems,
      ),
      includeVirtualHost: action.case === "route" && (action.value.includeVhRateLimits ?? false),
    },
  };
}

/** What a virtual host that requires TLS answers without it. */
function secureRedirect(virtualHost: string): Route {
  return {
    name: "",
    action: {
      kind: "redirect",
      status: 301,
      location: ({ authority, path }) => `https://${authority}${path}`,
    },
    requestHeaders: [],
    responseHeaders: [],
    filterConfig: new Map(),
    virtualHost,
    includeAttemptCount: false,
  };
}

/** Runs a compilation; what the matchers do not take is reported at `path`. */
function attempt<T>(path: string, problems: Problems, compile: () => T): T | undefined {
  try {
    return compile();
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error;
    problems.error(path, error.code, error.message);
    return undefined;
  }
}
