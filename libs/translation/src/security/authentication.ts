import type { JWTRule, RequestAuthentication } from "@weft/istio-api";
import { keySetOf, keySetSourceOf } from "@weft/mesh-model";
import type { BuildContext } from "../context.ts";
import type { Authentication, JwtProvider } from "../ir/index.ts";
import type { Reporter } from "../problems.ts";
import { configRef } from "../refs.ts";
import { attachedPolicies } from "./attachment.ts";
import { oncePerView } from "./once-per-view.ts";

/**
 * A key that nobody can sign with: its x is the SHA-256 of "weft: no keys 0", so nobody has ever had a private key for it. It stands
 * where there are no keys, so that every token is refused.
 */
export const nobodysKeys = JSON.stringify({
  keys: [
    {
      kty: "EC",
      crv: "P-256",
      kid: "nobody",
      use: "sig",
      x: "Xr-vEoshJBgXHxolOP7tp8xpO104awU6dV79C6NzzRg",
      y: "Hf8Rjbqs0GSHi8vDKDEmv34H1smWPaou4yGxfMSQyLQ",
    },
  ],
});

/** Claims whose text is a list with spaces between, whatever a rule says (RFC 8693). */
const alwaysSpaceDelimited: readonly string[] = ["permission", "scope"];

function isKeySet(text: string): boolean {
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed !== null && typeof parsed === "object" && "keys" in parsed && Array.isArray(parsed.keys);
  } catch {
    return false; // the caller says so
  }
}

/** The keys of a rule. Where there are none, no token is taken. */
function keysOf(context: BuildContext, rule: JWTRule, report: Reporter, path: string): string {
  const source = keySetSourceOf(rule);
  if (source === undefined) {
    const { jwks = "" } = rule;
    if (isKeySet(jwks)) return jwks;
    report.warn("bad-jwks", `${path}.jwks`, "is no JSON object with a list `keys`; its tokens are refused");
    return nobodysKeys;
  }
  const fetched = keySetOf(context.view.snapshot, source);
  if (fetched !== undefined) return fetched;
  const what = source.kind === "jwks" ? `of ${source.url}` : `of the OpenID configuration of ${source.url}`;
  report.warn(
    "no-jwks",
    path,
    `the keys ${what} have not been fetched; tokens of ${rule.issuer} are refused`,
  );
  return nobodysKeys;
}

function toProvider(context: BuildContext, rule: JWTRule, report: Reporter, path: string): JwtProvider {
  return {
    issuer: rule.issuer ?? "",
    audiences: rule.audiences ?? [],
    jwks: keysOf(context, rule, report, path),
    fromHeaders: (rule.fromHeaders ?? []).map(({ name, prefix = "" }) => ({ name, prefix })),
    fromParams: rule.fromParams ?? [],
    fromCookies: rule.fromCookies ?? [],
    forward: rule.forwardOriginalToken ?? false,
    ...(rule.outputPayloadToHeader ? { payloadHeader: rule.outputPayloadToHeader } : {}),
    claimHeaders: rule.outputClaimToHeaders ?? [],
    spaceDelimitedClaims: [
      ...new Set([...alwaysSpaceDelimited, ...(rule.spaceDelimitedClaims ?? [])]),
    ].sort(),
    clearRouteCache: context.view.node.type === "router",
  };
}

/**
 * Whose tokens the own workload takes, by issuer; undefined where nothing says so.
 * https://istio.io/latest/docs/reference/config/security/request_authentication/
 */
export function buildAuthentication(context: BuildContext): Authentication | undefined {
  return oncePerView(context, "authentication", build);
}

function build(context: BuildContext): Authentication | undefined {
  const policies = attachedPolicies<RequestAuthentication>(context.view, "RequestAuthentication");
  const providers = policies.flatMap((policy) => {
    const report = context.problems.for(configRef(policy));
    return (policy.spec.jwtRules ?? []).map((rule, i) =>
      toProvider(context, rule, report, `spec.jwtRules[${i}]`),
    );
  });
  if (providers.length === 0) return undefined;
  // Of one issuer, in the order of the policies: sorting keeps it.
  const byIssuer = [...providers].sort((a, b) => (a.issuer === b.issuer ? 0 : a.issuer < b.issuer ? -1 : 1));
  return { providers: byIssuer };
}
