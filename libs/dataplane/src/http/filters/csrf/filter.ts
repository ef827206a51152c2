import type { FilterStatus, HttpFilter, HttpStream, HttpStreamFilter } from "../../../runtime/http-filter.ts";
import type { RequestHead } from "../../../runtime/request.ts";
import type { Counter, StatsScope } from "../../../runtime/stats.ts";

/** Whose pages may send requests that change something. */
export interface CsrfConfig {
  /** Origins (host and port) beside the request's own. */
  readonly allows: (origin: string) => boolean;
  /** Share of requests that are refused, and of those that are only counted; 0 to 1. */
  readonly enforced: number;
  readonly shadowed: number;
}

interface CsrfStats {
  readonly missing: Counter;
  readonly invalid: Counter;
  readonly valid: Counter;
}

/** Methods that change something. https://www.rfc-editor.org/rfc/rfc9110#name-safe-methods */
const changing: ReadonlySet<string> = new Set(["POST", "PUT", "DELETE", "PATCH"]);

/** Refuses requests that the pages of others make. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/csrf_filter */
export function createCsrfFilter(name: string, config: CsrfConfig, scope: StatsScope): HttpFilter {
  const stats: CsrfStats = {
    missing: scope.counter("csrf.missing_source_origin"),
    invalid: scope.counter("csrf.request_invalid"),
    valid: scope.counter("csrf.request_valid"),
  };
  return {
    name,
    open: (stream) => {
      const policy = (stream.filterConfig(name) as CsrfConfig | undefined) ?? config; // made by our compileRoute
      if (!changing.has(stream.request.method)) return undefined;
      const enforced = stream.random() < policy.enforced;
      if (!enforced && stream.random() >= policy.shadowed) return undefined;
      return new CsrfStream(stream, policy, enforced, stats);
    },
  };
}

class CsrfStream implements HttpStreamFilter {
  readonly #stream: HttpStream;
  readonly #policy: CsrfConfig;
  readonly #enforced: boolean;
  readonly #stats: CsrfStats;

  constructor(stream: HttpStream, policy: CsrfConfig, enforced: boolean, stats: CsrfStats) {
    this.#stream = stream;
    this.#policy = policy;
    this.#enforced = enforced;
    this.#stats = stats;
  }

  onRequest(head: RequestHead): FilterStatus {
    const source = sourceOrigin(head);
    if (source === "") this.#stats.missing.inc();
    else if (source === head.authority || this.#policy.allows(source)) {
      this.#stats.valid.inc();
      return "continue";
    } else this.#stats.invalid.inc();
    if (!this.#enforced) return "continue";
    this.#stream.reply({ status: 403, body: "Invalid origin", details: "csrf_origin_mismatch" });
    return "stop";
  }
}

/** Host and port that the request comes from; empty where nothing says it. */
function sourceOrigin({ headers }: RequestHead): string {
  const origin = headers.first("origin") ?? "";
  return hostOf(origin === "" ? (headers.first("referer") ?? "") : origin);
}

function hostOf(url: string): string {
  const match = /^[^:/?#]+:\/\/([^/?#]*)/.exec(url);
  return match?.[1] ?? "";
}
