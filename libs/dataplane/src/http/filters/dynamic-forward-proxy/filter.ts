import type { DnsAnswer, DnsCache } from "../../../dns-cache/index.ts";
import type { ClusterSet } from "../../../runtime/cluster.ts";
import type { FilterStatus, HttpFilter, HttpStream, HttpStreamFilter } from "../../../runtime/http-filter.ts";
import type { RequestHead, RequestView } from "../../../runtime/request.ts";

/** What a route changes: the host that is looked up, and told to the upstream. */
export type HostRewrite = (request: RequestView) => string | undefined;

/**
 * Looks up the hosts of requests that go to clusters which make their hosts as they are named.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/dynamic_forward_proxy_filter
 */
export function createDynamicForwardProxy(name: string, cache: DnsCache, clusters: ClusterSet): HttpFilter {
  return {
    name,
    open: (stream) => {
      const chosen = stream.info.clusterChoice?.cluster;
      const cluster = chosen === undefined ? undefined : clusters.get(chosen);
      if (cluster?.dynamic === undefined) return undefined;
      const rewrite = stream.filterConfig(name) as HostRewrite | undefined; // made by our compileRoute
      return new LookingUp(stream, cache, cluster.dynamic.defaultPort, rewrite);
    },
  };
}

class LookingUp implements HttpStreamFilter {
  readonly #stream: HttpStream;
  readonly #cache: DnsCache;
  readonly #defaultPort: number;
  readonly #rewrite: HostRewrite | undefined;
  #cancel: (() => void) | undefined;

  constructor(stream: HttpStream, cache: DnsCache, defaultPort: number, rewrite: HostRewrite | undefined) {
    this.#stream = stream;
    this.#cache = cache;
    this.#defaultPort = defaultPort;
    this.#rewrite = rewrite;
  }

  onRequest(head: RequestHead): FilterStatus {
    const rewritten = this.#rewrite?.(head);
    if (rewritten !== undefined) head.authority = rewritten;
    const { host, port } = splitAuthority(head.authority, this.#defaultPort);
    this.#stream.info.dynamicHost = `${host}:${port}`;
    let answered: DnsAnswer | undefined;
    let waiting = false;
    this.#cancel = this.#cache.load(host, (answer) => {
      answered = answer;
      if (!waiting) return;
      if (answer.kind === "found") this.#stream.continueRequest();
      else this.#refuse(answer.kind);
    });
    if (answered === undefined) {
      waiting = true;
      return "stop";
    }
    const { kind } = answered as DnsAnswer; // set in the callback, which the checker does not see
    if (kind === "found") return "continue";
    this.#refuse(kind);
    return "stop";
  }

  #refuse(kind: Exclude<DnsAnswer["kind"], "found">): void {
    const replies = {
      none: { body: "DNS resolution failure", details: "dns_resolution_failure", flag: "DF" },
      overflow: { body: "DNS cache overflow", details: "dns_cache_overflow" },
      "pending-overflow": {
        body: "Dynamic forward proxy pending request overflow",
        details: "dynamic_forward_proxy_pending_request_overflow",
      },
    } as const;
    this.#stream.reply({ status: 503, ...replies[kind] });
  }

  onEnd(): void {
    this.#cancel?.();
  }
}

/** Host and port of an authority; brackets of IPv6 taken off. */
export function splitAuthority(authority: string, defaultPort: number): { host: string; port: number } {
  const match = /^(.*?)(?::(\d{1,5}))?$/.exec(authority);
  const bare = match?.[1] ?? authority;
  const isBareV6 = /^[^[].*:.*:/.test(authority);
  const host = isBareV6 ? authority : bare.replace(/^\[(.*)\]$/, "$1");
  return { host, port: isBareV6 || match?.[2] === undefined ? defaultPort : Number(match[2]) };
}
