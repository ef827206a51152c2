import type { MetadataMatch, Principal, StringMatch, ValueMatch } from "../ir/index.ts";
import { type Attribute, allOf, oneOf } from "./attribute.ts";
import { anyText, toStringMatch } from "./patterns.ts";

/** The filter that verifies tokens, and the key below it that it leaves a token's claims at. */
export const jwtFilter = "envoy.filters.http.jwt_authn";
export const jwtPayload = "payload";

/** Matches one of several; a lone one is itself. */
export function oneValue(of: readonly ValueMatch[]): ValueMatch {
  const [first] = of;
  return of.length === 1 && first !== undefined ? first : { kind: "one", of };
}

function claimMatch(claim: readonly string[], value: ValueMatch): MetadataMatch {
  return { kind: "metadata", filter: jwtFilter, path: [jwtPayload, ...claim], value };
}

function textClaim(claim: string, match: StringMatch): MetadataMatch {
  return claimMatch([claim], { kind: "string", match });
}

/** A claim that holds where its text does, or, of a list, one of its items. */
export function claimHolds(claim: readonly string[], text: ValueMatch): MetadataMatch {
  return claimMatch(claim, { kind: "one", of: [{ kind: "list", item: text }, text] });
}

/** A claim of the token by its path. */
export function claimAttribute(claim: readonly string[]): Attribute<Principal> {
  return {
    httpOnly: true,
    read: (values) => {
      const texts = oneValue(values.map((value) => ({ kind: "string", match: toStringMatch(value) })));
      return claimHolds(claim, texts);
    },
  };
}

/** The issuer and the subject that `ISSUER/SUBJECT` asks for; the last slash divides, as issuers are URLs. */
function principalParts(text: string): readonly [issuer: StringMatch, subject: StringMatch] {
  const slash = text.lastIndexOf("/");
  const divided = slash >= 0;
  const issuer = divided ? text.slice(0, slash) : text;
  const subject = divided ? text.slice(slash + 1) : "";
  const exactly = (value: string): StringMatch => ({ kind: "exact", value });
  if (text === "*") return [anyText, anyText];
  if (text.startsWith("*"))
    return divided
      ? [issuer === "*" ? anyText : { kind: "suffix", value: issuer.slice(1) }, exactly(subject)]
      : [anyText, { kind: "suffix", value: text.slice(1) }];
  if (text.endsWith("*"))
    return divided
      ? [exactly(issuer), subject === "*" ? anyText : { kind: "prefix", value: subject.slice(0, -1) }]
      : [{ kind: "prefix", value: text.slice(0, -1) }, anyText];
  return [exactly(issuer), exactly(subject)];
}

/** The issuer and subject of the token, `ISSUER/SUBJECT`. */
export const requestPrincipal: Attribute<Principal> = {
  httpOnly: true,
  read: (values) => {
    const principals = values.map((value) => {
      const [issuer, subject] = principalParts(value);
      return allOf<Principal>([textClaim("iss", issuer), textClaim("sub", subject)]);
    });
    return principals.length === 1 ? principals[0] : oneOf(principals);
  },
};

/** Reads `[a][b]` as a path; undefined where it is not in brackets. A claim may have brackets in its own name: then it is one name. */
export function parseClaimPath(text: string): readonly string[] | undefined {
  if (!text.startsWith("[") || !text.endsWith("]")) return undefined;
  return /^(\[[^[\]]*\])+$/.test(text) ? text.slice(1, -1).split("][") : [text.slice(1, -1)];
}

const routedClaims = "@request.auth.claims";

/**
 * The claim that a name in a VirtualService's header matches stands for: `@request.auth.claims.a.b` or `@request.auth.claims[a][b]`;
 * undefined for the name of a header.
 */
export function parseRoutedClaim(name: string): readonly string[] | undefined {
  if (!name.toLowerCase().startsWith(routedClaims)) return undefined;
  const path = name.slice(routedClaims.length);
  if (path.startsWith(".") && path.length > 1) return path.slice(1).split(".");
  return parseClaimPath(path);
}
