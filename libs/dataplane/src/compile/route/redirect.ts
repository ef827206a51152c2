import type {
  RedirectAction as RedirectActionMessage,
  Route as RouteMessage,
} from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { RedirectAction_RedirectResponseCode } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { stripPort, stripQuery } from "@weft/matching";
import type { RequestView } from "../../runtime/request.ts";
import type { RedirectAction } from "../../runtime/route.ts";
import { compilePathRegexRewrite, compilePrefixRewrite, type PathRewrite } from "./rewrite.ts";

const statuses: Readonly<Record<RedirectAction_RedirectResponseCode, number>> = {
  [RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY]: 301,
  [RedirectAction_RedirectResponseCode.FOUND]: 302,
  [RedirectAction_RedirectResponseCode.SEE_OTHER]: 303,
  [RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT]: 307,
  [RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT]: 308,
};

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-redirectaction */
export function compileRedirect(
  message: RedirectActionMessage,
  match: RouteMessage["match"],
): RedirectAction {
  const { schemeRewriteSpecifier: scheme, hostRedirect, portRedirect } = message;
  const path = compileRedirectPath(message, match);
  return {
    kind: "redirect",
    status: statuses[message.responseCode],
    location: (request) => {
      const newScheme =
        scheme.case === "schemeRedirect" && scheme.value !== ""
          ? scheme.value
          : scheme.case === "httpsRedirect" && scheme.value
            ? "https"
            : request.scheme;
      const host = hostRedirect === "" ? requestHost(request, newScheme, portRedirect !== 0) : hostRedirect;
      return `${newScheme}://${host}${portRedirect === 0 ? "" : `:${portRedirect}`}${path(request.path)}`;
    },
  };
}

/** The request's host, without a port that another one replaces or that was the old scheme's own. */
function requestHost({ authority, scheme }: RequestView, newScheme: string, replacesPort: boolean): string {
  const host = stripPort(authority);
  const port = authority.slice(host.length);
  const wasDefault = newScheme !== scheme && port === (scheme === "https" ? ":443" : ":80");
  return replacesPort || wasDefault ? host : authority;
}

function compileRedirectPath(message: RedirectActionMessage, match: RouteMessage["match"]): PathRewrite {
  const { pathRewriteSpecifier: specifier, stripQuery: dropsQuery } = message;
  const finish = (path: string) => (dropsQuery ? stripQuery(path) : path);
  switch (specifier.case) {
    case "pathRedirect": {
      const target = specifier.value;
      // A query of the target's own goes before the request's.
      if (target.includes("?") || dropsQuery) return () => target;
      return (path) => target + path.slice(stripQuery(path).length);
    }
    case "prefixRewrite": {
      const rewrite = compilePrefixRewrite(specifier.value, match);
      return (path) => finish(rewrite(path));
    }
    case "regexRewrite": {
      const rewrite = compilePathRegexRewrite(specifier.value);
      return (path) => finish(rewrite(path));
    }
    default:
      return finish;
  }
}
