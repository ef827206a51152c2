import type { MetadataSource } from "@weft/matching";
import {
  type Authorizer,
  type AuthzBody,
  type AuthzDecision,
  type AuthzHeader,
  applyHeader,
  changeRequest,
  changesRequest,
} from "../../../ext-authz/index.ts";
import type { FilterStatus, HttpFilter, HttpStream, HttpStreamFilter } from "../../../runtime/http-filter.ts";
import type { RequestHead, ResponseHead } from "../../../runtime/request.ts";
import type { Counter } from "../../../runtime/stats.ts";

/** How much of a body the authorizer sees. */
export interface BodySettings {
  readonly maxBytes: number;
  /** Shows what fits of a longer one; else that is answered 413. */
  readonly allowPartial: boolean;
}

/** What is asked of whom, compiled. */
export interface ExtAuthzConfig {
  readonly authorizer: Authorizer;
  /** Whether a request is checked at all; `random` is uniform in [0, 1). */
  readonly enabled: (metadata: MetadataSource, random: number) => boolean;
  readonly denyAtDisable: boolean;
  /** Lets requests pass where no decision comes. */
  readonly failureModeAllow: boolean;
  /** Marks those requests. */
  readonly failureModeAllowHeader: boolean;
  readonly statusOnError: number;
  readonly clearRouteCache: boolean;
  readonly body: BodySettings | undefined;
  readonly metadataNamespaces: readonly string[];
  readonly routeMetadataNamespaces: readonly string[];
  /** Takes over dynamic metadata that the authorizer gives. */
  readonly takesMetadata: boolean;
  readonly stats: {
    readonly ok: Counter;
    readonly denied: Counter;
    readonly error: Counter;
    readonly disabled: Counter;
    readonly failureModeAllowed: Counter;
  };
}

/** What a route says. */
export interface ExtAuthzRouteConfig {
  readonly disabled: boolean;
  readonly contextExtensions: Readonly<Record<string, string>>;
  readonly body: BodySettings | undefined | "inherit";
}

/** The namespace of metadata, whatever the filter is called in its chain. */
const metadataNamespace = "envoy.filters.http.ext_authz";

/**
 * Asks an external authorizer about each request, and fails closed.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ext_authz_filter
 */
export function createExtAuthzFilter(name: string, config: ExtAuthzConfig): HttpFilter {
  return { name, open: (stream) => new ExtAuthzStream(name, stream, config) };
}

class ExtAuthzStream implements HttpStreamFilter {
  readonly #name: string;
  readonly #stream: HttpStream;
  readonly #config: ExtAuthzConfig;
  #route: ExtAuthzRouteConfig | undefined;
  #body: BodySettings | undefined;
  #cancel: (() => void) | undefined;
  #responseHeaders: readonly AuthzHeader[] = [];

  constructor(name: string, stream: HttpStream, config: ExtAuthzConfig) {
    this.#name = name;
    this.#stream = stream;
    this.#config = config;
  }

  onRequest(head: RequestHead, endStream: boolean): FilterStatus {
    const { enabled, denyAtDisable, stats, statusOnError, body } = this.#config;
    const stream = this.#stream;
    this.#route = stream.filterConfig(this.#name) as ExtAuthzRouteConfig | undefined; // made by our compileRoute
    // As in Envoy: where there is no route there is nothing to be let into.
    if (stream.route === undefined || this.#route?.disabled === true) return "continue";
    if (!enabled((filter) => stream.info.metadata.get(filter), stream.random())) {
      stats.disabled.inc();
      if (!denyAtDisable) return "continue";
      return this.#refuse(statusOnError, "ext_authz_error");
    }
    const wanted = this.#route === undefined || this.#route.body === "inherit" ? body : this.#route.body;
    if (wanted !== undefined && !endStream && head.upgrade === "") {
      this.#body = wanted;
      return "buffer";
    }
    this.#ask(undefined);
    return "stop";
  }

  onRequestBuffered(chunks: readonly Buffer[], complete: boolean): "buffer" | "stop" {
    const settings = this.#body;
    if (settings === undefined) return "stop";
    const { maxBytes, allowPartial } = settings;
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (size > maxBytes && !allowPartial) {
      this.#stream.reply({
        status: 413,
        body: "Payload Too Large",
        details: "request_payload_too_large",
      });
      return "stop";
    }
    if (!complete && (size < maxBytes || !allowPartial)) return "buffer";
    this.#body = undefined;
    const bytes = Buffer.concat(chunks).subarray(0, maxBytes);
    this.#ask({ bytes, partial: size > maxBytes || !complete });
    return "stop";
  }

  #ask(body: AuthzBody | undefined): void {
    const { authorizer, metadataNamespaces, routeMetadataNamespaces } = this.#config;
    const { info, request, route } = this.#stream;
    const pick = (names: readonly string[], source: MetadataSource) =>
      Object.fromEntries(
        names.map((name) => [name, source(name)]).filter(([, value]) => value !== undefined),
      );
    this.#cancel = authorizer(
      {
        connection: info.connection,
        request: { head: request, info, ...(body !== undefined && { body }) },
        contextExtensions: this.#route?.contextExtensions ?? {},
        metadata: pick(metadataNamespaces, (name) => info.metadata.get(name)),
        routeMetadata: pick(routeMetadataNamespaces, (name) => route?.metadata?.[name]),
      },
      (decision) => {
        this.#cancel = undefined;
        try {
          this.#decided(decision);
        } catch (error) {
          this.#stream.fail(error);
        }
      },
    );
  }

  #decided(decision: AuthzDecision): void {
    const { stats, failureModeAllow, failureModeAllowHeader, statusOnError, takesMetadata } = this.#config;
    const { info, request } = this.#stream;
    if (decision.kind !== "error" && decision.metadata !== undefined && takesMetadata)
      info.metadata.set(metadataNamespace, { ...info.metadata.get(metadataNamespace), ...decision.metadata });
    switch (decision.kind) {
      case "ok":
        stats.ok.inc();
        changeRequest(request, decision.changes);
        this.#responseHeaders = decision.changes.responseHeaders;
        if (this.#config.clearRouteCache && changesRequest(decision.changes)) this.#stream.refreshRoute();
        this.#stream.continueRequest();
        return;
      case "denied":
        stats.denied.inc();
        this.#refuse(decision.status, "ext_authz_denied", decision);
        return;
      case "error":
        stats.error.inc();
        if (!failureModeAllow) {
          this.#refuse(statusOnError, "ext_authz_error");
          return;
        }
        stats.failureModeAllowed.inc();
        if (failureModeAllowHeader) request.headers.append("x-envoy-auth-failure-mode-allowed", "true");
        this.#stream.continueRequest();
        return;
    }
  }

  #refuse(
    status: number,
    details: string,
    { headers = [], body = "" }: { headers?: readonly AuthzHeader[]; body?: Uint8Array | string } = {},
  ): FilterStatus {
    this.#stream.reply({
      status,
      details,
      flag: "UAEX",
      body,
      headers: headers.flatMap(({ name, value }) => [name, value]),
    });
    return "stop";
  }

  onResponse({ headers }: ResponseHead): FilterStatus {
    for (const header of this.#responseHeaders) applyHeader(headers, header);
    return "continue";
  }

  onEnd(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
