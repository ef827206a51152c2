import type { Message } from "@bufbuild/protobuf";
import type {
  JwtAuthentication,
  JwtRequirement as JwtRequirementMessage,
  PerRouteConfig,
} from "@weft/envoy-api/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { compileRoute } from "@weft/matching";
import type { HttpFilterContext, HttpFilterFactory } from "../../../compile/environment.ts";
import type { Problems } from "../../../compile/problems.ts";
import { decodeRouteMatch } from "../../../compile/route/matchers.ts";
import {
  compileRequirement,
  type JwtCheck,
  type JwtProvider,
  type JwtRequirement,
  UnknownProviderError,
} from "../../../jwt/index.ts";
import { createJwtAuthnFilter, type JwtAuthnConfig, type JwtRouteConfig } from "./filter.ts";
import { compileProvider } from "./provider.ts";

const types = "envoy.extensions.filters.http.jwt_authn.v3";

/** `envoy.filters.http.jwt_authn`; a route may name a requirement, or ask for none. */
export const jwtAuthn: HttpFilterFactory = {
  name: "envoy.filters.http.jwt_authn",
  configTypes: [`${types}.JwtAuthentication`],
  routeConfigTypes: [`${types}.PerRouteConfig`],
  compile: (message, context) =>
    createJwtAuthnFilter(context.name, compileConfig(message as JwtAuthentication, context)), // the registry goes by its type name
  compileRoute: (message: Message, path: string, problems: Problems): JwtRouteConfig => {
    const { requirementSpecifier: specifier } = message as PerRouteConfig; // as above
    if (specifier.case === "requirementName") return { disabled: false, name: specifier.value };
    if (specifier.case === undefined || !specifier.value)
      problems.error(path, "missing", "needs requirement_name, or disabled: true");
    return { disabled: true };
  },
};

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/jwt_authn/v3/config.proto */
function compileConfig(message: JwtAuthentication, context: HttpFilterContext): JwtAuthnConfig {
  const { path, problems, environment } = context;
  const stats = context.stats.scope("jwt_authn");
  const providers = new Map<string, JwtProvider>();
  for (const [name, provider] of Object.entries(message.providers).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const at = `${path}.providers.${name}`;
    providers.set(name, compileProvider(name, provider, { path: at, problems, environment, stats }));
  }
  const compile = (requirement: JwtRequirementMessage, at: string) =>
    compileChecked(requirement, providers, at, problems);
  const named = new Map<string, JwtCheck>();
  for (const [name, requirement] of Object.entries(message.requirementMap))
    named.set(name, compile(requirement, `${path}.requirement_map.${name}`));
  return {
    rule: compileRules(message, named, compile, path, problems),
    named,
    bypassCorsPreflight: message.bypassCorsPreflight,
    stripFailureResponse: message.stripFailureResponse,
    stats: {
      allowed: stats.counter("allowed"),
      denied: stats.counter("denied"),
      preflights: stats.counter("cors_preflight_bypassed"),
      cacheHits: stats.counter("jwt_cache_hit"),
      cacheMisses: stats.counter("jwt_cache_miss"),
    },
  };
}

function compileRules(
  { rules }: JwtAuthentication,
  named: ReadonlyMap<string, JwtCheck>,
  compile: (requirement: JwtRequirementMessage, at: string) => JwtCheck,
  path: string,
  problems: Problems,
): JwtAuthnConfig["rule"] {
  const compiled = rules.map(({ match, requirementType: type }, i) => {
    const at = `${path}.rules[${i}]`;
    const matches = compileRoute(decodeRouteMatch(match, `${at}.match`, problems));
    if (type.case === "requires") return { matches, check: compile(type.value, `${at}.requires`) };
    if (type.case === undefined) return { matches, check: undefined };
    const check = named.get(type.value);
    if (check === undefined)
      problems.error(
        `${at}.requirement_name`,
        "unknown-name",
        `"${type.value}" is not in requirement_map, known are ${[...named.keys()].join(", ")}`,
      );
    return { matches, check };
  });
  return (request, random) => compiled.find(({ matches }) => matches(request, random))?.check;
}

const refuseAll: JwtCheck = (_context, done) =>
  done({ code: 31, message: "Jwks doesn't have any valid public key" });

function compileChecked(
  message: JwtRequirementMessage,
  providers: ReadonlyMap<string, JwtProvider>,
  path: string,
  problems: Problems,
): JwtCheck {
  try {
    return compileRequirement(decodeRequirement(message), providers);
  } catch (error) {
    if (!(error instanceof UnknownProviderError)) throw error;
    problems.error(path, "unknown-name", error.message);
    return refuseAll;
  }
}

function decodeRequirement({ requiresType: type }: JwtRequirementMessage): JwtRequirement {
  switch (type.case) {
    case "providerName":
      return { kind: "provider", name: type.value, audiences: [] };
    case "providerAndAudiences":
      return { kind: "provider", name: type.value.providerName, audiences: type.value.audiences };
    case "requiresAny":
      return { kind: "any", of: type.value.requirements.map(decodeRequirement) };
    case "requiresAll":
      return { kind: "all", of: type.value.requirements.map(decodeRequirement) };
    case "allowMissing":
      return { kind: "allow-missing" };
    case "allowMissingOrFailed":
      return { kind: "allow-missing-or-failed" };
    case undefined:
      return { kind: "none" };
  }
}
