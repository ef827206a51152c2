import type { ObjectRef } from "@weft/base";
import type {
  Destination,
  HTTPMatchRequest,
  HTTPRedirect,
  HTTPRetry,
  HTTPRoute,
  VirtualService,
} from "@weft/istio-api";
import { type Config, resolveHost } from "@weft/mesh-model";
import { durationMs } from "../durations.ts";
import type {
  Forward,
  HashPolicy,
  HeaderChanges,
  Mirror,
  Rewrite,
  Route,
  RouteAction,
  RouteMatch,
  WeightedDestination,
} from "../ir/index.ts";
import { backendName, parseBackendName } from "../names.ts";
import type { Reporter } from "../problems.ts";
import { configRef } from "../refs.ts";
import { buildCors, buildDirectResponse, buildFault, buildRedirect } from "./actions.ts";
import { buildHeaders, joinHeaders } from "./headers.ts";
import { buildMatch, isCatchAll, matchAll } from "./match.ts";
import { buildRetry } from "./retry.ts";
import { changePrefix, type RouteSemantics, semanticsOf } from "./semantics.ts";

/** For whom and for which port the routes of a VirtualService are built. */
export interface RouteScope {
  /** `mesh` for sidecars, else the gateways (`namespace/name`) whose server is being built. */
  readonly gateways: ReadonlySet<string>;
  readonly labels: Readonly<Record<string, string>>;
  readonly namespace: string;
  /** The port requests come to, as clients name it. */
  readonly listenPort: number;
  readonly domainSuffix: string;
  /** Retries of routes that say nothing of them; absent: Weft's own. */
  readonly defaultRetries?: HTTPRetry | undefined;
  /** Ports of a service that is in scope here; undefined where it is not. */
  servicePorts(host: string): readonly number[] | undefined;
  /** What requests to a destination are hashed by; empty where its load balancing does not hash. */
  hashPolicies(host: string, port: number, subset: string): readonly HashPolicy[];
}

/** Whether a match is meant for this proxy: its gateways, else its source; and its port. */
function appliesTo(match: HTTPMatchRequest, scope: RouteScope): boolean {
  if (match.port !== undefined && match.port !== scope.listenPort) return false;
  if (match.gateways !== undefined && match.gateways.length > 0)
    return match.gateways.some((gateway) => scope.gateways.has(gateway));
  if (match.sourceNamespace !== undefined && match.sourceNamespace !== scope.namespace) return false;
  return Object.entries(match.sourceLabels ?? {}).every(([name, value]) => scope.labels[name] === value);
}

/** The port of a destination: its own, else the service's only one, else the one the request came to. */
function destinationPort(destination: Destination, host: string, scope: RouteScope): number {
  if (destination.port?.number !== undefined) return destination.port.number;
  const ports = scope.servicePorts(host);
  return ports?.length === 1 && ports[0] !== undefined ? ports[0] : scope.listenPort;
}

/** Name for traces: the destination where there is one, else the VirtualService, with the path's pattern. */
function operationName(match: RouteMatch, backend: string | undefined, name: string, port: number): string {
  const { path } = match;
  const wildcard = path.kind === "prefix" ? "*" : path.kind === "segments" ? "/*" : "";
  const pattern = `${path.value}${wildcard}`;
  const destination = backend === undefined ? undefined : parseBackendName(backend);
  return destination ? `${destination.host}:${destination.port}${pattern}` : `${name}:${port}${pattern}`;
}

/** Builds the routes of one VirtualService. */
class VirtualServiceRoutes {
  readonly #config: Config<VirtualService>;
  readonly #scope: RouteScope;
  readonly #report: Reporter;
  readonly #ref: ObjectRef;
  readonly #semantics: RouteSemantics;

  constructor(config: Config<VirtualService>, scope: RouteScope, report: Reporter) {
    this.#config = config;
    this.#scope = scope;
    this.#report = report;
    this.#ref = configRef(config);
    this.#semantics = semanticsOf(config);
  }

  build(): Route[] {
    const routes: Route[] = [];
    for (const [index, http] of (this.#config.spec.http ?? []).entries()) {
      const path = `spec.http[${index}]`;
      if (http.delegate !== undefined) {
        // Those that are there have given their routes.
        const { namespace, name } = http.delegate;
        const message = `there is no VirtualService ${namespace ? `${namespace}/` : ""}${name} without hosts that is exported to this namespace; the route has no effect`;
        this.#report.warn("unknown-delegate", `${path}.delegate`, message);
        continue;
      }
      for (const match of http.match?.length ? http.match : [undefined]) {
        if (match !== undefined && !appliesTo(match, this.#scope)) continue;
        const route = this.#buildRoute(http, match, path);
        if (route === undefined) continue;
        routes.push(route);
        // What follows a route that takes every request is never reached.
        if (isCatchAll(route)) return routes;
      }
    }
    return routes;
  }

  #buildRoute(http: HTTPRoute, match: HTTPMatchRequest | undefined, path: string): Route | undefined {
    const report = this.#report;
    const routeMatch = match === undefined ? matchAll : buildMatch(match, this.#semantics);
    const request = buildHeaders(http.headers?.request);
    const response = buildHeaders(http.headers?.response);
    const fault = http.fault && buildFault(http.fault, `${path}.fault`, report);
    const forward =
      http.redirect || http.directResponse ? undefined : this.#buildForward(http, match, request.host);
    const action =
      forward?.action ??
      (http.redirect
        ? this.#buildRedirect(http.redirect, match, path)
        : http.directResponse && buildDirectResponse(http.directResponse));
    if (action === undefined) {
      report.warn(
        "route-without-action",
        path,
        "one of route, redirect and directResponse must be set; the route is left out",
      );
      return undefined;
    }
    const single =
      forward?.action.destinations.length === 1 ? forward.action.destinations[0]?.backend : undefined;
    const requestHeaders = joinHeaders(request.changes, forward?.requestHeaders);
    const responseHeaders = joinHeaders(response.changes, forward?.responseHeaders);
    const names = [http.name, match?.name].filter((name) => name !== undefined && name !== "");
    return {
      name: names.join("."),
      match: routeMatch,
      action,
      operation: operationName(routeMatch, single, this.#config.name, this.#scope.listenPort),
      config: this.#ref,
      ...(requestHeaders ? { requestHeaders } : {}),
      ...(responseHeaders ? { responseHeaders } : {}),
      ...(fault ? { fault } : {}),
      ...(match?.statPrefix ? { statPrefix: match.statPrefix } : {}),
      ...(http.corsPolicy ? { cors: buildCors(http.corsPolicy) } : {}),
    };
  }

  #backend(destination: Destination): { readonly name: string; readonly hash: readonly HashPolicy[] } {
    const scope = this.#scope;
    const host = resolveHost(destination.host, this.#config.namespace, scope.domainSuffix);
    const port = destinationPort(destination, host, scope);
    const subset = destination.subset ?? "";
    return { name: backendName(port, subset, host), hash: scope.hashPolicies(host, port, subset) };
  }

  /** The forwarding action; headers of a lone destination are handed back, to be the route's own. */
  #buildForward(
    http: HTTPRoute,
    match: HTTPMatchRequest | undefined,
    headerHost: string | undefined,
  ):
    | {
        readonly action: Forward;
        readonly requestHeaders?: HeaderChanges;
        readonly responseHeaders?: HeaderChanges;
      }
    | undefined {
    const all = http.route ?? [];
    // A weight of 0 takes a destination out of a choice; a lone destination gets everything whatever its weight.
    const chosen = all.length === 1 ? all : all.filter(({ weight }) => (weight ?? 0) > 0);
    if (chosen.length === 0) return undefined;
    const hash: HashPolicy[] = [];
    const destinations = chosen.map((entry) => {
      const backend = this.#backend(entry.destination);
      hash.push(...backend.hash);
      const request = buildHeaders(entry.headers?.request);
      const response = buildHeaders(entry.headers?.response);
      return {
        backend: backend.name,
        weight: entry.weight ?? 1,
        ...(request.changes ? { requestHeaders: request.changes } : {}),
        ...(response.changes ? { responseHeaders: response.changes } : {}),
        ...(request.host === undefined ? {} : { host: request.host }),
      } satisfies WeightedDestination;
    });
    const timeoutMs = durationMs(http.timeout) ?? 0;
    const retry = buildRetry(http.retries ?? this.#scope.defaultRetries, hash.length > 0);
    const lone = destinations.length === 1 ? destinations[0] : undefined;
    const rewrite = this.#buildRewrite(http, match, lone?.host ?? headerHost);
    const action: Forward = {
      kind: "forward",
      destinations,
      timeoutMs,
      grpcTimeout: { kind: "max", ms: timeoutMs },
      hash,
      mirrors: this.#buildMirrors(http),
      ...(retry ? { retry } : {}),
      ...(rewrite ? { rewrite } : {}),
      ...(this.#semantics === "gateway" ? { missingBackendStatus: 500 } : {}),
    };
    return {
      action,
      ...(lone?.requestHeaders ? { requestHeaders: lone.requestHeaders } : {}),
      ...(lone?.responseHeaders ? { responseHeaders: lone.responseHeaders } : {}),
    };
  }

  #buildRedirect(redirect: HTTPRedirect, match: HTTPMatchRequest | undefined, path: string): RouteAction {
    const action = buildRedirect(redirect, this.#scope.listenPort, `${path}.redirect`, this.#report);
    const { prefixRewrite } = redirect;
    if (action.kind !== "redirect" || prefixRewrite === undefined) return action;
    const { prefix: _, ...others } = action;
    return { ...others, ...changePrefix(prefixRewrite, match, this.#semantics) };
  }

  #buildRewrite(
    { rewrite }: HTTPRoute,
    match: HTTPMatchRequest | undefined,
    headerHost: string | undefined,
  ): Rewrite | undefined {
    const host = rewrite?.authority ?? headerHost;
    const regex = rewrite?.uriRegexRewrite;
    if (rewrite === undefined && host === undefined) return undefined;
    return {
      ...(regex
        ? { regex: { pattern: regex.match ?? "", substitution: regex.rewrite ?? "" } }
        : rewrite?.uri === undefined
          ? {}
          : changePrefix(rewrite.uri, match, this.#semantics)),
      ...(host === undefined ? {} : { host }),
    };
  }

  #buildMirrors(http: HTTPRoute): Mirror[] {
    const mirrors = (http.mirrors ?? []).map(({ destination, percentage }) => ({
      backend: this.#backend(destination).name,
      percent: percentage?.value ?? 100,
    }));
    if (mirrors.length > 0 || http.mirror === undefined) return mirrors.filter(({ percent }) => percent > 0);
    const percent = http.mirrorPercentage?.value ?? http.mirrorPercent ?? http.mirror_percent ?? 100;
    return percent > 0 ? [{ backend: this.#backend(http.mirror).name, percent }] : [];
  }
}

/** The HTTP routes of a VirtualService as they apply in a scope, in the order they are tried. */
export function buildVirtualServiceRoutes(
  config: Config<VirtualService>,
  scope: RouteScope,
  report: Reporter,
): readonly Route[] {
  return new VirtualServiceRoutes(config, scope, report).build();
}
