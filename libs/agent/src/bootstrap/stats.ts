import type { ProxyConfig } from "../node/proxy-config.ts";

/** One of Envoy's tag extraction rules. */
interface StatsTag {
  readonly tag_name: string;
  readonly regex: string;
}

const address = "(((?:[_.[:digit:]]*|[_\\[\\]aAbBcCdDeEfF[:digit:]]*))\\.)";

/**
 * How labels are taken out of Envoy's stat names. Istio's names for clusters and stat prefixes end with `;`
 * (`cluster.outbound|9080||details.default.svc.cluster.local;.upstream_rq_200`), so that a name with dots can be told from what follows.
 */
const stockTags: readonly StatsTag[] = [
  { tag_name: "cluster_name", regex: "^cluster(\\.(.+);)" },
  { tag_name: "tcp_prefix", regex: "^tcp(\\.(.+);)" },
  { tag_name: "response_code", regex: "_rq(_(\\d{3}))$" },
  { tag_name: "response_code_class", regex: "_rq(_(\\dxx))$" },
  { tag_name: "http_conn_manager_listener_prefix", regex: `^listener(?=\\.).*?\\.http\\.${address}` },
  { tag_name: "http_conn_manager_prefix", regex: "^http(\\.(.+);)" },
  { tag_name: "listener_address", regex: `^listener\\.${address}` },
  { tag_name: "mongo_prefix", regex: "^mongo\\.(.+?)\\.(collection|cmd|cx_|op_|delays_|decoding_)(.*?)$" },
];

const istioTags: readonly StatsTag[] = [
  { tag_name: "cache", regex: "(cache\\.(.+?)\\.)" },
  { tag_name: "component", regex: "(component\\.(.+?)\\.)" },
  { tag_name: "tag", regex: "(tag\\.(.+?);\\.)" },
  { tag_name: "wasm_filter", regex: "(wasm_filter\\.(.+?)\\.)" },
  { tag_name: "authz_enforce_result", regex: "rbac(\\.(allowed|denied))" },
  { tag_name: "authz_dry_run_action", regex: "(\\.istio_dry_run_(allow|deny)_)" },
  { tag_name: "authz_dry_run_result", regex: "(\\.shadow_(allowed|denied))" },
];

/** The stats that readiness, draining and Istio's dashboards need; all others are left out unless ProxyConfig includes them. */
const requiredPrefixes = ["cluster_manager", "listener_manager", "server", "cluster.xds-grpc", "wasm"];
const requiredSuffixes = [
  "rbac.allowed",
  "rbac.denied",
  "shadow_allowed",
  "shadow_denied",
  "downstream_cx_active",
];
const requiredRegexps = ["vhost\\..*\\.route\\..*"];

/** Builds the bootstrap's `stats_config`: which stats there are, and which labels they get. `{pod_ip}` in a pattern stands for each IP. */
export function buildStatsConfig(config: ProxyConfig, instanceIps: readonly string[]): object {
  const substituted = (patterns: readonly string[]) =>
    patterns.flatMap((pattern) =>
      pattern.includes("{pod_ip}") ? instanceIps.map((ip) => pattern.replaceAll("{pod_ip}", ip)) : [pattern],
    );
  const { prefixes, suffixes, regexps } = config.statsMatcher;
  const extra = [...new Set(config.extraStatTags)].map((tag) => ({
    tag_name: tag,
    regex: `(${tag}=\\.=(.*?);\\.;)`,
  }));
  return {
    use_all_default_tags: false,
    stats_tags: [...stockTags, ...extra, ...istioTags],
    stats_matcher: {
      inclusion_list: {
        patterns: [
          { prefix: "reporter=" },
          ...substituted([...prefixes, ...requiredPrefixes]).map((prefix) => ({ prefix })),
          ...substituted([...suffixes, ...requiredSuffixes]).map((suffix) => ({ suffix })),
          ...substituted([...regexps, ...requiredRegexps]).map((regex) => ({ safe_regex: { regex } })),
          { prefix: "component" },
          { prefix: "istio" },
        ],
      },
    },
  };
}
