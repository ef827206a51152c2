import type { ObjectRef } from "@weft/base";
import { validateMessage } from "@weft/envoy-api";
import type { VirtualHost as EnvoyVirtualHost } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { VirtualHostSchema } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { compileRegex, compileRegexRewrite } from "@weft/matching";
import type { HeaderChanges, Route, ValueMatch, VirtualHost } from "../ir/index.ts";
import { formatReasons } from "./check-message.ts";

/** What is wrong with a virtual host, and which of its objects that comes from: the guilty first. */
export interface RejectedHost {
  readonly reason: string;
  readonly origin: readonly ObjectRef[];
}

interface Finding {
  readonly path: string;
  readonly message: string;
}

/**
 * Why Envoy would reject a table with this virtual host: what its API declares, and what else of a route its code
 * looks at. Undefined where it would take it.
 */
export function checkVirtualHost(host: VirtualHost, message: EnvoyVirtualHost): RejectedHost | undefined {
  const declared = validateMessage(VirtualHostSchema, message, { limit: 10 });
  const findings = [...declared, ...host.routes.flatMap((route, i) => checkRoute(route, `routes[${i}]`))];
  const reason = formatReasons(findings);
  if (reason === undefined) return undefined;
  const guilty = findings.flatMap(({ path }) => host.routes[routeIndex(path)]?.config ?? []);
  return { reason, origin: [...guilty, ...host.origin] };
}

/** The hosts of a table that a proxy takes, and those it does not: see {@link soundHosts}. */
export interface SortedHosts {
  readonly sound: readonly VirtualHost[];
  readonly rejected: readonly {
    readonly host: VirtualHost;
    readonly reason: string;
    readonly origin?: readonly ObjectRef[];
  }[];
}

/**
 * Tells the sound hosts of a table from those of which `check` says that they are not, and from those that have a
 * domain or a name which another host has before them: Envoy rejects a table for that. Domains do not differ by case.
 */
export function soundHosts(
  hosts: readonly VirtualHost[],
  check: (host: VirtualHost) => RejectedHost | undefined,
): SortedHosts {
  const sound: VirtualHost[] = [];
  const rejected: SortedHosts["rejected"][number][] = [];
  const taken = new Map<string, string>();
  const names = new Set<string>();
  for (const host of hosts) {
    const found = check(host);
    const domains = host.domains.map((domain) => domain.toLowerCase());
    const clash = domains.find((domain) => taken.has(domain));
    if (found) rejected.push({ host, ...found });
    else if (clash !== undefined)
      rejected.push({
        host,
        reason: `domains: ${clash} is a domain of virtual host ${taken.get(clash)} already`,
      });
    else if (names.has(host.name))
      rejected.push({ host, reason: `name: there is a virtual host ${host.name} already` });
    else {
      sound.push(host);
      names.add(host.name);
      for (const domain of domains) taken.set(domain, host.name);
    }
  }
  return { sound, rejected };
}

function routeIndex(path: string): number {
  return Number(/^routes\[(\d+)\]/.exec(path)?.[1] ?? -1);
}

function checkRoute(route: Route, path: string): readonly Finding[] {
  const { match, action } = route;
  return [
    ...(match.path.kind === "regex" ? checkRegex(match.path.value, `${path}.match.safe_regex`) : []),
    ...[...match.headers, ...match.queryParameters].flatMap(({ name, value }) =>
      value.kind === "regex" ? checkRegex(value.value, `${path}.match ${name}`) : [],
    ),
    ...(match.claims ?? []).flatMap((claim) =>
      checkValue(claim.match.value, `${path}.match ${claim.match.path.join(".")}`),
    ),
    ...(route.cors?.allowOrigins ?? []).flatMap((origin) =>
      origin.kind === "regex" ? checkRegex(origin.value, `${path}.cors`) : [],
    ),
    ...checkHeaders(route.requestHeaders, `${path}.request_headers`),
    ...checkHeaders(route.responseHeaders, `${path}.response_headers`),
    ...(action.kind === "forward" ? checkForward(action, `${path}.route`) : []),
  ];
}

function checkValue(value: ValueMatch, path: string): readonly Finding[] {
  if (value.kind === "list") return checkValue(value.item, path);
  if (value.kind === "one") return value.of.flatMap((one) => checkValue(one, path));
  return value.match.kind === "regex" ? checkRegex(value.match.value, path) : [];
}

function checkForward(action: Extract<Route["action"], { kind: "forward" }>, path: string): Finding[] {
  const regex = action.rewrite?.regex;
  const weights = action.destinations.reduce((sum, { weight }) => sum + weight, 0);
  return [
    ...(regex
      ? attempt(() => compileRegexRewrite(regex.pattern, regex.substitution), `${path}.regex_rewrite`)
      : []),
    ...(action.destinations.length > 1 && (weights === 0 || weights > 4_294_967_295)
      ? [
          {
            path: `${path}.weighted_clusters`,
            message: `the weights add up to ${weights}, allowed is 1 to 4294967295`,
          },
        ]
      : []),
    ...action.destinations.flatMap(({ requestHeaders, responseHeaders }, i) => [
      ...checkHeaders(requestHeaders, `${path}.weighted_clusters.clusters[${i}].request_headers`),
      ...checkHeaders(responseHeaders, `${path}.weighted_clusters.clusters[${i}].response_headers`),
    ]),
  ];
}

function checkRegex(pattern: string, path: string): readonly Finding[] {
  return attempt(() => compileRegex(pattern), path);
}

function attempt(compile: () => unknown, path: string): readonly Finding[] {
  try {
    compile();
    return [];
  } catch (error) {
    return [{ path, message: error instanceof Error ? error.message : String(error) }];
  }
}

/** A command of Envoy's format strings, or a percent sign: https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#format-strings */
const command = /%%|%[A-Z0-9_]+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?(?::\d+)?%/g;

function checkHeaders(changes: HeaderChanges | undefined, path: string): readonly Finding[] {
  if (changes === undefined) return [];
  const { set, add, remove } = changes;
  return [
    ...[...set.map(({ name }) => name), ...add.map(({ name }) => name), ...remove]
      .filter((name) => name.startsWith(":") || name.toLowerCase() === "host")
      .map((name) => ({ path, message: `${name} may not be changed as a header` })),
    ...[...set, ...add]
      .filter(({ value }) => value.includes("%") && value.replaceAll(command, "").includes("%"))
      .map(({ name, value }) => ({
        path,
        message: `${name}: "${value}" is no format string; a percent sign is written %%`,
      })),
  ];
}
