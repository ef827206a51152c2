import { deniedDetails, type RbacEngine, type RbacVerdict } from "../../../rbac/engine.ts";
import { StreamRbacView } from "../../../rbac/view.ts";
import type { FilterStatus, HttpFilter, HttpStream, HttpStreamFilter } from "../../../runtime/http-filter.ts";
import type { RequestHead } from "../../../runtime/request.ts";

/** Rules that are enforced, and rules whose verdict is only noted. */
export interface RbacRules {
  readonly engine: RbacEngine | undefined;
  readonly shadow: RbacEngine | undefined;
  /** In front of the metadata keys of verdicts, enforced and shadow. */
  readonly prefix: string;
  readonly shadowPrefix: string;
}

/** Counters of verdicts. */
export interface RbacCounters {
  readonly count: (verdict: RbacVerdict) => void;
  readonly countShadow: (verdict: RbacVerdict) => void;
}

/** The namespace of metadata, whatever the filter is called in its chain. */
const metadataNamespace = "envoy.filters.http.rbac";

/** Role-based access control. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rbac_filter */
export function createRbacFilter(name: string, rules: RbacRules, counters: RbacCounters): HttpFilter {
  return { name, open: (stream) => new RbacStream(name, stream, rules, counters) };
}

class RbacStream implements HttpStreamFilter {
  readonly #name: string;
  readonly #stream: HttpStream;
  readonly #rules: RbacRules;
  readonly #counters: RbacCounters;

  constructor(name: string, stream: HttpStream, rules: RbacRules, counters: RbacCounters) {
    this.#name = name;
    this.#stream = stream;
    this.#rules = rules;
    this.#counters = counters;
  }

  onRequest(head: RequestHead): FilterStatus {
    const { info } = this.#stream;
    // Asked for here and not when the stream is opened: filters before this one may have changed the route.
    const route = this.#stream.filterConfig(this.#name) as RbacRules | undefined; // made by our compileRoute
    const { engine, shadow, prefix, shadowPrefix } = route ?? this.#rules;
    if (engine === undefined && shadow === undefined) return "continue";
    const view = new StreamRbacView(head, info);
    if (shadow !== undefined) {
      const verdict = shadow(view);
      this.#counters.countShadow(verdict);
      this.#note(verdict, `${shadowPrefix}shadow_`);
    }
    if (engine === undefined) return "continue";
    const verdict = engine(view);
    if (verdict.logged !== undefined) this.#merge("envoy.common", { access_log_hint: verdict.logged });
    this.#counters.count(verdict);
    this.#note(verdict, `${prefix}enforced_`);
    if (verdict.allowed) return "continue";
    this.#stream.reply({
      status: 403,
      body: "RBAC: access denied",
      details: deniedDetails(verdict.policy),
    });
    return "stop";
  }

  #note(verdict: RbacVerdict, prefix: string): void {
    this.#merge(metadataNamespace, {
      ...(verdict.policy !== undefined && { [`${prefix}effective_policy_id`]: verdict.policy }),
      [`${prefix}engine_result`]: verdict.allowed ? "allowed" : "denied",
    });
  }

  #merge(namespace: string, values: Readonly<Record<string, unknown>>): void {
    const { metadata } = this.#stream.info;
    metadata.set(namespace, { ...metadata.get(namespace), ...values });
  }
}
