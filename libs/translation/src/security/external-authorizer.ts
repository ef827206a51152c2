import { parseDuration } from "@weft/base";
import { StatusCode } from "@weft/envoy-api/envoy/type/v3/http_status_pb.js";
import type { ProxyView, Service } from "@weft/mesh-model";
import type { ExternalAuthorizer, HttpAuthorizer, StringMatch } from "../ir/index.ts";
import { backendName } from "../names.ts";
import { parsePort, toPattern } from "./patterns.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Prefix of the names of rules that lead to an authorizer, which tells them from others in metadata. */
const rulePrefix = "istio-ext-authz-";

/** Istio's timeout where none is given. */
const defaultTimeoutMs = 600_000;

/** An authorizer, or what is wrong with it. */
export type ResolvedAuthorizer = { readonly authorizer: ExternalAuthorizer } | { readonly problem: string };

/** What rules of a provider are named by. */
export function authorizerRulePrefix(provider: string): string {
  return provider === "" ? rulePrefix : `${rulePrefix}${provider}-`;
}

class Unusable extends Error {}

function isFields(value: unknown): value is Fields {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function text(fields: Fields, name: string): string {
  const value = fields[name] ?? "";
  if (typeof value === "string") return value;
  throw new Unusable(`${name} must be text`);
}

function flag(fields: Fields, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value === "boolean") return value;
  throw new Unusable(`${name} must be true or false`);
}

function list(fields: Fields, name: string): readonly string[] {
  const value = fields[name] ?? [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new Unusable(`${name} must be a list of text`);
}

/** Patterns of header names, in either case. */
function headers(fields: Fields, name: string): readonly StringMatch[] {
  return list(fields, name).map((value) => {
    const pattern = toPattern(value);
    if (pattern.kind === "present" || pattern.kind === "regex")
      throw new Unusable(`${name} must not hold "*" alone; allowed are names, "abc*" and "*abc"`);
    return { ...pattern, ignoreCase: true };
  });
}

function portOf(fields: Fields): number {
  const port = parsePort(String(fields.port ?? ""));
  if (port === undefined || port === 0) throw new Unusable("port must be 1 to 65535");
  return port;
}

function statusOf(fields: Fields): number | undefined {
  const value = text(fields, "statusOnError");
  if (value === "") return undefined;
  const status = Number(value);
  if (!/^\d{3}$/.test(value) || StatusCode[status] === undefined)
    throw new Unusable(`statusOnError must be an HTTP status that Envoy knows, is "${value}"`);
  return status;
}

function timeoutOf(fields: Fields): number {
  const value = text(fields, "timeout");
  const ms = value === "" ? defaultTimeoutMs : parseDuration(value);
  if (ms === undefined || ms < 0)
    throw new Unusable(`timeout must be a duration such as "5s", is "${value}"`);
  return ms;
}

/** The service, `NAMESPACE/HOST` or a `HOST` that only one namespace has. */
function serviceOf({ snapshot, scope }: ProxyView, fields: Fields): Service {
  const name = text(fields, "service");
  if (name === "") throw new Unusable("service must be given");
  const slash = name.indexOf("/");
  const namespace = slash < 0 ? undefined : name.slice(0, slash);
  const host = name.slice(slash + 1);
  const all = snapshot.services.byHostname.get(host) ?? [];
  const found = all.filter((service) => namespace === undefined || service.namespace === namespace);
  const [service] = found;
  if (service === undefined) throw new Unusable(`there is no service ${name}`);
  if (found.length > 1)
    throw new Unusable(`service ${name} stands in several namespaces; allowed is NAMESPACE/${host}`);
  // Envoy takes no configuration that names a cluster it does not have.
  if (!scope.servicesByHostname.has(host))
    throw new Unusable(`service ${name} is not visible to the proxy (exportTo, Sidecar)`);
  return service;
}

function httpProtocol(fields: Fields): HttpAuthorizer {
  const pathPrefix = text(fields, "pathPrefix");
  if (pathPrefix !== "" && !pathPrefix.startsWith("/"))
    throw new Unusable(`pathPrefix must begin with /, is "${pathPrefix}"`);
  const added = fields.includeAdditionalHeadersInCheck ?? {};
  if (!isFields(added)) throw new Unusable("includeAdditionalHeadersInCheck must be a mapping");
  const requestHeaders = headers(fields, "includeRequestHeadersInCheck");
  const formerly = headers(fields, "includeHeadersInCheck");
  return {
    kind: "http",
    pathPrefix,
    requestHeaders: requestHeaders.length > 0 ? requestHeaders : formerly,
    addedHeaders: Object.keys(added)
      .sort()
      .map((name) => [name, String(added[name])] as const),
    upstreamOnAllow: headers(fields, "headersToUpstreamOnAllow"),
    downstreamOnDeny: headers(fields, "headersToDownstreamOnDeny"),
    downstreamOnAllow: headers(fields, "headersToDownstreamOnAllow"),
  };
}

function bodyOf(fields: Fields): ExternalAuthorizer["body"] {
  const body = fields.includeRequestBodyInCheck;
  if (body === undefined || body === null) return undefined;
  if (!isFields(body)) throw new Unusable("includeRequestBodyInCheck must be a mapping");
  const maxRequestBytes = Number(body.maxRequestBytes ?? 0);
  if (!Number.isInteger(maxRequestBytes) || maxRequestBytes <= 0 || maxRequestBytes > 0xffffffff)
    throw new Unusable("includeRequestBodyInCheck.maxRequestBytes must be 1 to 4294967295");
  return {
    maxRequestBytes,
    allowPartialMessage: flag(body, "allowPartialMessage"),
    packAsBytes: flag(body, "packAsBytes"),
  };
}

function read(view: ProxyView, name: string, provider: Fields): ExternalAuthorizer {
  const { envoyExtAuthzHttp: http, envoyExtAuthzGrpc: grpc } = provider;
  const fields = http ?? grpc;
  if (!isFields(fields)) throw new Unusable("it is neither envoyExtAuthzHttp nor envoyExtAuthzGrpc");
  const port = portOf(fields);
  const { hostname } = serviceOf(view, fields);
  const statusOnError = statusOf(fields);
  const body = bodyOf(fields);
  return {
    rulePrefix: `${rulePrefix}${name}`,
    backend: backendName(port, "", hostname),
    host: hostname,
    timeoutMs: timeoutOf(fields),
    failOpen: flag(fields, "failOpen"),
    ...(statusOnError === undefined ? {} : { statusOnError }),
    clearRouteCache: flag(fields, "clearRouteCache"),
    ...(body === undefined ? {} : { body }),
    protocol: http === undefined ? { kind: "grpc" } : httpProtocol(fields),
  };
}

/**
 * The authorizer that MeshConfig's extensionProviders have by a name.
 * https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ExtensionProvider
 */
export function resolveAuthorizer(view: ProxyView, name: string): ResolvedAuthorizer {
  const named = view.snapshot.meshConfig.extensionProviders.filter((provider) => provider.name === name);
  const [provider] = named;
  if (name === "" || provider === undefined)
    return { problem: `the mesh config has no extension provider "${name}"` };
  if (named.length > 1) return { problem: `the mesh config has several extension providers "${name}"` };
  try {
    return { authorizer: read(view, name, provider) };
  } catch (error) {
    if (error instanceof Unusable) return { problem: `extension provider "${name}": ${error.message}` };
    throw error;
  }
}
