import { type Json, object, objects, text, texts } from "./config-dump.ts";

/** What a route matches on, as istioctl shows it: `/static*`, `/login`, `regex ^/v[0-9]`, with header and method conditions after it. */
export function describeRouteMatch(match: Json): string {
  const path = describePath(match);
  const headers = objects(match.headers).map(
    (header) =>
      `${text(header.name)}${header.invert_match === true ? " not" : ""} ${describeString(object(header.string_match ?? header))}`,
  );
  const queries = objects(match.query_parameters).map(
    (query) => `?${text(query.name)} ${describeString(object(query.string_match))}`,
  );
  return [path, ...headers, ...queries].join(" ").trim();
}

function describePath(match: Json): string {
  if (match.path !== undefined) return text(match.path);
  if (match.prefix !== undefined) return `${text(match.prefix)}*`;
  if (match.path_separated_prefix !== undefined) return `PathPrefix:${text(match.path_separated_prefix)}`;
  const regex = object(match.safe_regex).regex;
  return regex === undefined ? "" : `regex ${text(regex)}`;
}

function describeString(match: Json): string {
  if (match.exact !== undefined) return `= ${text(match.exact)}`;
  if (match.prefix !== undefined) return `= ${text(match.prefix)}*`;
  if (match.suffix !== undefined) return `= *${text(match.suffix)}`;
  if (match.contains !== undefined) return `= *${text(match.contains)}*`;
  if (match.safe_regex !== undefined) return `~ ${text(object(match.safe_regex).regex)}`;
  return "present";
}

const alpnNames: Readonly<Record<string, string>> = {
  "http/1.1,h2c": "HTTP",
  "http/1.0,http/1.1,h2c": "HTTP",
  "istio,istio-peer-exchange,istio-http/1.0,istio-http/1.1,istio-h2": "TCP TLS",
  "istio-peer-exchange,istio": "TCP TLS",
  "istio-http/1.0,istio-http/1.1,istio-h2": "HTTP TLS",
};

/** What a filter chain matches on: `Trans: tls; App: HTTP TLS; Addr: *:9080`, or `ALL`. */
export function describeChainMatch(match: Json): string {
  const conditions: string[] = [];
  const names = texts(match.server_names);
  if (names.length > 0) conditions.push(`SNI: ${names.join(",")}`);
  if (text(match.transport_protocol) !== "") conditions.push(`Trans: ${text(match.transport_protocol)}`);
  const protocols = texts(match.application_protocols).join(",");
  if (protocols !== "") conditions.push(`App: ${alpnNames[protocols] ?? protocols}`);
  const port = match.destination_port === undefined ? "" : `:${String(match.destination_port)}`;
  const ranges = objects(match.prefix_ranges).map(
    (range) => `${text(range.address_prefix)}/${String(range.prefix_len ?? 0)}`,
  );
  if (ranges.length > 0) conditions.push(`Addr: ${ranges.join(",")}${port}`);
  else if (port !== "") conditions.push(`Addr: *${port}`);
  return conditions.length === 0 ? "ALL" : conditions.join("; ");
}

const managerSuffix = "http_connection_manager.v3.HttpConnectionManager";
const tcpProxySuffix = "tcp_proxy.v3.TcpProxy";

/** The filter of a chain that decides where traffic goes: the HTTP connection manager, else the TCP proxy. */
export function terminalFilter(chain: Json): {
  readonly kind: "http" | "tcp" | "other";
  readonly config: Json;
} {
  const configs = objects(chain.filters).map((filter) => object(filter.typed_config));
  const ends = (suffix: string) => configs.find((config) => text(config["@type"]).endsWith(suffix));
  const manager = ends(managerSuffix);
  if (manager !== undefined) return { kind: "http", config: manager };
  const proxy = ends(tcpProxySuffix);
  return proxy === undefined ? { kind: "other", config: {} } : { kind: "tcp", config: proxy };
}

/** Where a filter chain sends traffic: `Route: 9080`, `Cluster: …`, `Inline Route: /healthz/ready*`. */
export function describeDestination(chain: Json): string {
  const { kind, config } = terminalFilter(chain);
  if (kind === "http") {
    if (config.rds !== undefined) return `Route: ${text(object(config.rds).route_config_name)}`;
    return describeInlineRoute(object(config.route_config));
  }
  if (kind === "other") return "Non-HTTP/Non-TCP";
  if (text(config.cluster) !== "") return describeCluster(text(config.cluster));
  const weighted = objects(object(config.weighted_clusters).clusters);
  return weighted
    .map((cluster) => `Cluster: ${text(cluster.name)} weight: ${String(cluster.weight ?? 0)}`)
    .join("; ");
}

/** Istio shows its pass-through cluster by its bare name. */
const describeCluster = (cluster: string) =>
  cluster.includes("Passthrough") ? cluster : `Cluster: ${cluster}`;

function describeInlineRoute(route: Json): string {
  const hosts = objects(route.virtual_hosts);
  const [host] = hosts;
  const [only, ...others] = objects(host?.routes);
  const all = texts(host?.domains).join(",") === "*" && object(only?.match).prefix === "/";
  const cluster = text(object(only?.route).cluster);
  if (hosts.length === 1 && others.length === 0 && all && cluster !== "") return describeCluster(cluster);
  const shown = hosts.map((virtualHost) => {
    const domains = texts(virtualHost.domains)
      .filter((domain) => domain !== "*")
      .join("/");
    const matches = objects(virtualHost.routes).map((entry) => describeRouteMatch(object(entry.match)));
    return `${domains} ${matches.join(", ")}`.trim();
  });
  return `Inline Route: ${shown.join("; ")}`;
}
