import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  JwtAuthenticationSchema,
  type JwtProviderSchema,
  type JwtRequirementSchema,
} from "@weft/envoy-api/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { pack } from "../envoy/any.ts";
import type { Authentication, JwtProvider } from "../ir/index.ts";
import { jwtFilter, jwtPayload } from "../security/claims.ts";
import type { HttpFilterRule } from "./http-filter.ts";

type Requirement = MessageInitShape<typeof JwtRequirementSchema>;

function toJwtProvider(provider: JwtProvider): MessageInitShape<typeof JwtProviderSchema> {
  return {
    issuer: provider.issuer,
    audiences: [...provider.audiences],
    forward: provider.forward,
    forwardPayloadHeader: provider.payloadHeader ?? "",
    payloadInMetadata: jwtPayload,
    normalizePayloadInMetadata: { spaceDelimitedClaims: [...provider.spaceDelimitedClaims] },
    clearRouteCache: provider.clearRouteCache,
    claimToHeaders: provider.claimHeaders.map(({ header, claim }) => ({
      headerName: header,
      claimName: claim,
    })),
    fromHeaders: provider.fromHeaders.map(({ name, prefix }) => ({ name, valuePrefix: prefix })),
    fromParams: [...provider.fromParams],
    fromCookies: [...provider.fromCookies],
    jwksSourceSpecifier: {
      case: "localJwks",
      value: { specifier: { case: "inlineString", value: provider.jwks } },
    },
  };
}

function anyOf(requirements: readonly Requirement[]): Requirement {
  return { requiresType: { case: "requiresAny", value: { requirements: [...requirements] } } };
}

/**
 * A token, where there is one, must be of a provider. With several, each has to be content (its token, or none) or one alone must have
 * its token: providers that look in the same place are not content with one another's.
 */
function requirementOf(names: readonly string[]): Requirement {
  const provided = names.map(
    (name): Requirement => ({ requiresType: { case: "providerName", value: name } }),
  );
  const missing: Requirement = { requiresType: { case: "allowMissing", value: {} } };
  const each = provided.map((one) => anyOf([one, missing]));
  const [first] = each;
  if (each.length === 1 && first !== undefined) return first;
  return anyOf([...provided, { requiresType: { case: "requiresAll", value: { requirements: each } } }]);
}

function toJwtAuthentication({
  providers,
}: Authentication): MessageInitShape<typeof JwtAuthenticationSchema> {
  const named = providers.map((provider, i) => [`origins-${i}`, provider] as const);
  return {
    providers: Object.fromEntries(named.map(([name, provider]) => [name, toJwtProvider(provider)])),
    rules: [
      {
        match: { pathSpecifier: { case: "prefix", value: "/" } },
        requirementType: { case: "requires", value: requirementOf(named.map(([name]) => name)) },
      },
    ],
    // A browser's preflight never brings a token.
    bypassCorsPreflight: true,
  };
}

/** Whose tokens are taken. */
export const jwtAuthentication: HttpFilterRule = {
  name: jwtFilter,
  build: ({ authentication }) =>
    authentication === undefined
      ? []
      : [
          {
            name: jwtFilter,
            configType: {
              case: "typedConfig",
              value: pack(JwtAuthenticationSchema, toJwtAuthentication(authentication)),
            },
          },
        ],
};
