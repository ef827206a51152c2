import type {
  CorsPolicy,
  HTTPRedirect,
  HTTPRewrite,
  HTTPRoute,
  HTTPRouteFilter,
  StringMatch,
} from "@weft/istio-api";
import type { Failure } from "../../conditions.ts";
import type { RuleScope } from "../destinations.ts";
import { headerFilterTypes, headersOf } from "../headers.ts";
import { mirrorsOf } from "../mirrors.ts";

type Redirect = NonNullable<HTTPRouteFilter["requestRedirect"]>;
type Rewrite = NonNullable<HTTPRouteFilter["urlRewrite"]>;
type Cors = NonNullable<HTTPRouteFilter["cors"]>;

/** What filters make of a route. */
export interface ConvertedFilters {
  readonly fields: Pick<HTTPRoute, "headers" | "redirect" | "rewrite" | "mirrors" | "corsPolicy">;
  readonly failure?: Failure | undefined;
}

const types: readonly string[] = [
  ...headerFilterTypes,
  "RequestRedirect",
  "RequestMirror",
  "URLRewrite",
  "CORS",
];

/** https://gateway-api.sigs.k8s.io/reference/spec/#httprequestredirectfilter */
function toRedirect({ scheme, hostname, path, port, statusCode }: Redirect): HTTPRedirect {
  return {
    ...(scheme === undefined ? {} : { scheme }),
    ...(hostname === undefined ? {} : { authority: hostname }),
    redirectCode: statusCode ?? 302,
    ...(path?.type === "ReplaceFullPath" ? { uri: path.replaceFullPath ?? "/" } : {}),
    ...(path?.type === "ReplacePrefixMatch" ? { prefixRewrite: toPrefix(path.replacePrefixMatch) } : {}),
    // Without a port: that of the scheme where one is named, else the one the request came to.
    ...(port !== undefined
      ? { port }
      : { derivePort: scheme === undefined ? "FROM_REQUEST_PORT" : "FROM_PROTOCOL_DEFAULT" }),
  };
}

function toPrefix(prefix: string | undefined): string {
  return prefix?.replace(/\/$/, "") || "/";
}

/** https://gateway-api.sigs.k8s.io/reference/spec/#httpurlrewritefilter */
function toRewrite({ hostname, path }: Rewrite): HTTPRewrite {
  return {
    ...(hostname === undefined ? {} : { authority: hostname }),
    ...(path?.type === "ReplacePrefixMatch" ? { uri: toPrefix(path.replacePrefixMatch) } : {}),
    ...(path?.type === "ReplaceFullPath"
      ? { uriRegexRewrite: { match: "/.*", rewrite: path.replaceFullPath ?? "/" } }
      : {}),
  };
}

/** Any origin there may be: a scheme and an authority. */
const anyOrigin = "^[a-zA-Z][a-zA-Z0-9+.-]*://[^/\\s?#]+$";

function toOrigin(origin: string): StringMatch {
  if (origin === "*") return { regex: anyOrigin };
  if (!origin.includes("*")) return { exact: origin };
  const escaped = origin.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
  return { regex: `^${escaped}$` };
}

/** https://gateway-api.sigs.k8s.io/reference/spec/#httpcorsfilter */
function toCors(cors: Cors): CorsPolicy {
  const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAge } = cors;
  return {
    ...(allowOrigins?.length ? { allowOrigins: allowOrigins.map(toOrigin) } : {}),
    ...(allowMethods?.length ? { allowMethods } : {}),
    ...(allowHeaders?.length ? { allowHeaders } : {}),
    ...(exposeHeaders?.length ? { exposeHeaders } : {}),
    ...(allowCredentials === undefined ? {} : { allowCredentials }),
    ...(maxAge ? { maxAge: `${maxAge}s` } : {}),
    unmatchedPreflights: "IGNORE",
  };
}

/** Converts the filters of a rule. One of a type that nobody knows makes the rule unusable, as leaving it out could harm. */
export function convertFilters(
  filters: readonly HTTPRouteFilter[],
  scope: RuleScope,
): ConvertedFilters | { readonly rejected: Failure } {
  const unknown = filters.find(({ type }) => !types.includes(type));
  if (unknown) {
    const message = `unsupported filter type "${unknown.type}"; supported are ${types.join(", ")}`;
    return { rejected: { reason: "InvalidFilter", message } };
  }
  const find = (type: string) => filters.findLast((filter) => filter.type === type);
  const headers = headersOf(filters);
  const redirect = find("RequestRedirect")?.requestRedirect;
  const rewrite = find("URLRewrite")?.urlRewrite;
  const cors = find("CORS")?.cors;
  const { mirrors, failure } = mirrorsOf(filters, scope);
  return {
    fields: {
      ...(headers ? { headers } : {}),
      ...(redirect ? { redirect: toRedirect(redirect) } : {}),
      ...(rewrite ? { rewrite: toRewrite(rewrite) } : {}),
      ...(mirrors.length > 0 ? { mirrors } : {}),
      ...(cors ? { corsPolicy: toCors(cors) } : {}),
    },
    failure,
  };
}
