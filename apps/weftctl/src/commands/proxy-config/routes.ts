import { isIP } from "node:net";
import { formatTable } from "../../output/table.ts";
import { describeOrigin, type Json, object, objects, text, texts } from "./config-dump.ts";
import { describeRouteMatch } from "./describe.ts";

/** `--name` */
export interface RouteFilter {
  readonly name?: string;
}

/** The route configurations that match, those named by a port in the ports' order. */
export function selectRoutes(routes: readonly Json[], filter: RouteFilter): readonly Json[] {
  const byName = new Intl.Collator("en", { numeric: true });
  return routes
    .filter((route) => filter.name === undefined || text(route.name) === filter.name)
    .sort((a, b) => byName.compare(text(a.name), text(b.name)));
}

/** `reviews, reviews.default + 1 more...`: without the names that only add the port, a dot at the end or more of the DNS suffix. */
export function describeDomains(domains: readonly string[]): string {
  const all = new Set(domains);
  const shorterThere = (domain: string) =>
    [/\.$/, /\.svc$/, /\.svc\.cluster\.local\.?$/].some((suffix) => {
      const shorter = domain.replace(suffix, "");
      return shorter !== domain && all.has(shorter);
    });
  const bare = domains.filter((domain) => !/:(\d+|\*)$/.test(domain));
  const shown = (bare.length === 0 ? domains : bare).filter((domain) => !shorterThere(domain));
  const ipVersion = (domain: string) => isIP(domain.replace(/:\d+$/, ""));
  shown.sort((a, b) => ipVersion(a) - ipVersion(b) || a.length - b.length);
  if (shown.length <= 2) return shown.join(", ");
  return `${shown.slice(0, 2).join(", ")} + ${shown.length - 2} more...`;
}

/** The table of `proxy-config routes`, a row for each route. */
export function routeTable(routes: readonly Json[]): string {
  const rows = routes.flatMap((route) =>
    objects(route.virtual_hosts).flatMap((host) => {
      const start = [text(route.name), text(host.name), describeDomains(texts(host.domains))];
      const entries = objects(host.routes);
      if (entries.length === 0) return [[...start, "/*", "404"]];
      return entries.map((entry) => [
        ...start,
        describeRouteMatch(object(entry.match)),
        describeOrigin(entry.metadata) || describeReply(entry),
      ]);
    }),
  );
  return formatTable(["NAME", "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE"], rows);
}

/** The status of a route that answers by itself and comes from no VirtualService. */
function describeReply(route: Json): string {
  const status = object(route.direct_response).status;
  return status === undefined ? "" : String(status);
}
