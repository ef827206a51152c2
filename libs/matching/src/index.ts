export { type CidrRange, compileRange, type IpNumber, parseIp, rangeContains } from "./cidr.ts";
export {
  compileDomains,
  type DomainEntry,
  type DomainLookup,
  type DomainOptions,
  stripPort,
} from "./domain.ts";
export { MatcherError, type MatcherErrorCode } from "./error.ts";
export { compileHeader, type HeaderMatch, type HeaderValueMatch, type HeadMatcher } from "./header.ts";
export {
  compileMetadata,
  compileValue,
  type MetadataMatch,
  type MetadataSource,
  type ValueMatch,
} from "./metadata.ts";
export { compilePath, type PathMatch, stripQuery } from "./path.ts";
export { compilePathTemplate } from "./path-template.ts";
export { compileQuery, type QueryMatch, queryValue } from "./query.ts";
export { compileRbac, type Permission, type Principal, type RbacPolicy, type RbacView } from "./rbac.ts";
export { compileRegex, compileRegexRewrite, type RegexOptions, type TextMatcher } from "./regex.ts";
export type { RequestView } from "./request-view.ts";
export { compileRoute, type RouteMatch, type RouteMatcher } from "./route.ts";
export { compileRouteTable, type RouteEntry, type RouteLookup } from "./route-table.ts";
export { compileString, type StringMatch } from "./string.ts";
