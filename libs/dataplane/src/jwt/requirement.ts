import { authenticate, type JwtContext, type JwtDone, type TokenPolicy } from "./authenticate.ts";
import { shareLocations } from "./extract.ts";
import { type JwtFailure, jwtFailures } from "./failure.ts";
import { type AudienceCheck, compileAudiences, type JwtProvider } from "./provider.ts";

/** What tokens a request needs. `audiences` come in place of the provider's own where there are any. */
export type JwtRequirement =
  | { readonly kind: "none" | "allow-missing" | "allow-missing-or-failed" }
  | { readonly kind: "provider"; readonly name: string; readonly audiences: readonly string[] }
  | { readonly kind: "any" | "all"; readonly of: readonly JwtRequirement[] };

/** Checks a requirement. */
export type JwtCheck = (context: JwtContext, done: JwtDone) => void;

/** A requirement names a provider that is not there. */
export class UnknownProviderError extends Error {
  override readonly name = "UnknownProviderError";
}

type Providers = ReadonlyMap<string, JwtProvider>;

/**
 * Compiles a requirement. What allows tokens to be missing looks at those of the providers beside it, of `any`.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/jwt_authn/v3/config.proto#extensions-filters-http-jwt-authn-v3-jwtrequirement
 * @throws {UnknownProviderError}
 */
export function compileRequirement(
  requirement: JwtRequirement,
  providers: Providers,
  beside: readonly JwtProvider[] = [],
): JwtCheck {
  switch (requirement.kind) {
    case "none":
      return (_context, done) => done(undefined);
    case "provider": {
      const provider = providerOf(requirement.name, providers);
      const { audiences } = requirement;
      const checkAudiences = audiences.length === 0 ? undefined : compileAudiences(audiences);
      return checkWith(strictPolicy(provider, checkAudiences));
    }
    case "allow-missing":
    case "allow-missing-or-failed":
      return checkWith(lenientPolicy(beside, providers, requirement.kind === "allow-missing-or-failed"));
    case "all":
      return compileAll(requirement.of.map((inner) => compileRequirement(inner, providers)));
    case "any":
      return compileAny(requirement.of, providers);
  }
}

const checkWith =
  (policy: TokenPolicy): JwtCheck =>
  (context, done) =>
    authenticate(policy, context, done);

function providerOf(name: string, providers: Providers): JwtProvider {
  const provider = providers.get(name);
  if (provider === undefined)
    throw new UnknownProviderError(
      `the provider "${name}" is not configured, known are ${[...providers.keys()].join(", ")}`,
    );
  return provider;
}

const sanitizedBy = (providers: readonly JwtProvider[]): readonly string[] =>
  providers.flatMap(({ forwardPayloadHeader, claimHeaders }) => [
    ...(forwardPayloadHeader === "" ? [] : [forwardPayloadHeader]),
    ...claimHeaders.map(({ header }) => header),
  ]);

function strictPolicy(provider: JwtProvider, audiences: AudienceCheck | undefined): TokenPolicy {
  return {
    locations: shareLocations([provider]),
    sanitized: sanitizedBy([provider]),
    only: provider,
    provider: () => provider,
    ...(audiences !== undefined && { audiences }),
    allowMissing: false,
    allowFailed: false,
    failureInMetadata: provider.failureInMetadata,
  };
}

function lenientPolicy(
  beside: readonly JwtProvider[],
  providers: Providers,
  allowFailed: boolean,
): TokenPolicy {
  const all = [...providers.values()];
  return {
    locations: shareLocations(beside),
    sanitized: sanitizedBy(beside),
    provider: (issuer) =>
      all.find((provider) => provider.issuer === issuer && issuer !== "") ??
      all.find((provider) => provider.issuer === ""),
    allowMissing: true,
    allowFailed,
    failureInMetadata: "",
  };
}

function compileAll(checks: readonly JwtCheck[]): JwtCheck {
  return (context, done) => {
    const run = (at: number): void => {
      const check = checks[at];
      if (check === undefined) done(undefined);
      else check(context, (failure) => (failure === undefined ? run(at + 1) : done(failure)));
    };
    run(0);
  };
}

/** Of two failures the one that says more: not that a token is missing, or of another's issuer. */
function moreTelling(before: JwtFailure | undefined, after: JwtFailure): JwtFailure {
  const rank = (failure: JwtFailure) =>
    failure === jwtFailures.missing ? 0 : failure === jwtFailures.issuer ? 1 : 2;
  return before !== undefined && rank(before) > rank(after) ? before : after;
}

/** Those that allow tokens to be missing come last, as one: the more lenient. */
function compileAny(of: readonly JwtRequirement[], providers: Providers): JwtCheck {
  const isLenient = ({ kind }: JwtRequirement) =>
    kind === "allow-missing" || kind === "allow-missing-or-failed";
  const lenient = of.find(({ kind }) => kind === "allow-missing-or-failed") ?? of.find(isLenient);
  const strict = of.filter((requirement) => !isLenient(requirement));
  const beside = strict.flatMap((requirement) =>
    requirement.kind === "provider" ? [providerOf(requirement.name, providers)] : [],
  );
  const checks = [...strict, ...(lenient === undefined ? [] : [lenient])].map((requirement) =>
    compileRequirement(requirement, providers, beside),
  );
  return (context, done) => {
    const run = (at: number, last: JwtFailure | undefined): void => {
      const check = checks[at];
      if (check === undefined) done(last);
      else
        check(context, (failure) =>
          failure === undefined ? done(undefined) : run(at + 1, moreTelling(last, failure)),
        );
    };
    run(0, undefined);
  };
}
