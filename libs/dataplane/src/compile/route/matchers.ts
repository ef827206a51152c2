import type {
  HeaderMatcher,
  QueryParameterMatcher,
  RouteMatch as RouteMatchMessage,
} from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import type { StringMatcher } from "@weft/envoy-api/envoy/type/matcher/v3/string_pb.js";
import {
  type FractionalPercent,
  FractionalPercent_DenominatorType,
} from "@weft/envoy-api/envoy/type/v3/percent_pb.js";
import type {
  HeaderMatch,
  HeaderValueMatch,
  PathMatch,
  QueryMatch,
  RouteMatch,
  StringMatch,
} from "@weft/matching";
import type { Problems } from "../problems.ts";

/** What a string must be. */
export function decodeStringMatcher(message: StringMatcher, path: string, problems: Problems): StringMatch {
  const { matchPattern, ignoreCase } = message;
  switch (matchPattern.case) {
    case "exact":
    case "prefix":
    case "suffix":
    case "contains":
      return { kind: matchPattern.case, value: matchPattern.value, ignoreCase };
    case "safeRegex":
      return { kind: "regex", pattern: matchPattern.value.regex };
    default:
      problems.error(path, "not-implemented", "needs one of exact, prefix, suffix, contains, safe_regex");
      return { kind: "exact", value: "" };
  }
}

/** What a header must be. */
export function decodeHeaderMatcher(message: HeaderMatcher, path: string, problems: Problems): HeaderMatch {
  return {
    name: message.name,
    value: headerValue(message, path, problems),
    invert: message.invertMatch,
    treatMissingAsEmpty: message.treatMissingHeaderAsEmpty,
  };
}

function headerValue(message: HeaderMatcher, path: string, problems: Problems): HeaderValueMatch {
  const specifier = message.headerMatchSpecifier;
  const string = (match: StringMatch): HeaderValueMatch => ({ kind: "string", match });
  switch (specifier.case) {
    case undefined:
      return { kind: "present", present: true };
    case "presentMatch":
      return { kind: "present", present: specifier.value };
    case "stringMatch":
      return string(decodeStringMatcher(specifier.value, `${path}.string_match`, problems));
    case "rangeMatch":
      return { kind: "range", start: specifier.value.start, end: specifier.value.end };
    case "exactMatch":
      // Envoy: an empty exact match is a test of presence.
      return specifier.value === ""
        ? { kind: "present", present: true }
        : string({ kind: "exact", value: specifier.value });
    case "safeRegexMatch":
      return string({ kind: "regex", pattern: specifier.value.regex });
    case "prefixMatch":
      return string({ kind: "prefix", value: specifier.value });
    case "suffixMatch":
      return string({ kind: "suffix", value: specifier.value });
    case "containsMatch":
      return string({ kind: "contains", value: specifier.value });
  }
}

/** What a query parameter must be. */
export function decodeQueryMatcher(
  message: QueryParameterMatcher,
  path: string,
  problems: Problems,
): QueryMatch {
  const specifier = message.queryParameterMatchSpecifier;
  if (specifier.case === "stringMatch") {
    return {
      name: message.name,
      value: {
        kind: "string",
        match: decodeStringMatcher(specifier.value, `${path}.string_match`, problems),
      },
    };
  }
  return {
    name: message.name,
    value: { kind: "present", present: specifier.case === "presentMatch" ? specifier.value : true },
  };
}

/** A share of all requests; runtime keys are not looked up, so the default value counts. */
export function decodeFraction(message: FractionalPercent | undefined): {
  readonly numerator: number;
  readonly denominator: number;
} {
  const denominators = {
    [FractionalPercent_DenominatorType.HUNDRED]: 100,
    [FractionalPercent_DenominatorType.TEN_THOUSAND]: 10_000,
    [FractionalPercent_DenominatorType.MILLION]: 1_000_000,
  };
  return {
    numerator: message?.numerator ?? 0,
    denominator: denominators[message?.denominator ?? FractionalPercent_DenominatorType.HUNDRED],
  };
}

/** What a request must be for a route to take it. */
export function decodeRouteMatch(
  message: RouteMatchMessage | undefined,
  path: string,
  problems: Problems,
): RouteMatch {
  if (message === undefined) {
    problems.error(path, "missing", "a route needs a match");
    return {};
  }
  const pathMatch = decodePath(message, path, problems);
  const fraction = message.runtimeFraction?.defaultValue;
  return {
    ...(pathMatch !== undefined && { path: pathMatch }),
    ...(message.pathSpecifier.case === "connectMatcher" && { connect: true }),
    headers: message.headers.map((header, index) =>
      decodeHeaderMatcher(header, `${path}.headers[${index}]`, problems),
    ),
    query: message.queryParameters.map((parameter, index) =>
      decodeQueryMatcher(parameter, `${path}.query_parameters[${index}]`, problems),
    ),
    ...(fraction !== undefined && { fraction: decodeFraction(fraction) }),
    grpc: message.grpc !== undefined,
  };
}

function decodePath(message: RouteMatchMessage, path: string, problems: Problems): PathMatch | undefined {
  const { pathSpecifier, caseSensitive } = message;
  const ignoreCase = caseSensitive === false;
  switch (pathSpecifier.case) {
    case "prefix":
      // Every path has the empty prefix. Not every one begins with a slash: `OPTIONS *` and CONNECT do not.
      return pathSpecifier.value === ""
        ? undefined
        : { kind: "prefix", value: pathSpecifier.value, ignoreCase };
    case "path":
      return { kind: "exact", value: pathSpecifier.value, ignoreCase };
    case "pathSeparatedPrefix":
      return { kind: "path-separated-prefix", value: pathSpecifier.value, ignoreCase };
    case "safeRegex":
      return { kind: "regex", pattern: pathSpecifier.value.regex };
    case "connectMatcher":
      return undefined;
    default:
      problems.error(
        path,
        "missing",
        "needs one of prefix, path, safe_regex, path_separated_prefix, connect_matcher",
      );
      return undefined;
  }
}
