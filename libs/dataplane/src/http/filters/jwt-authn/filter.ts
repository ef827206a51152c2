import type { JwtCheck, JwtContext, JwtFailure } from "../../../jwt/index.ts";
import type {
  FilterStatus,
  HttpFilter,
  HttpStream,
  HttpStreamFilter,
  LocalReply,
} from "../../../runtime/http-filter.ts";
import type { RequestHead, RequestView } from "../../../runtime/request.ts";
import type { Counter } from "../../../runtime/stats.ts";

/** What requests need, compiled. */
export interface JwtAuthnConfig {
  /** The check of the first rule that is about a request; undefined where it needs none. */
  readonly rule: (request: RequestView, random: number) => JwtCheck | undefined;
  /** Checks that routes name. */
  readonly named: ReadonlyMap<string, JwtCheck>;
  readonly bypassCorsPreflight: boolean;
  /** Leaves the reason out of answers. */
  readonly stripFailureResponse: boolean;
  readonly stats: JwtAuthnStats;
}

/** Envoy's `jwt_authn.*`. */
export interface JwtAuthnStats {
  readonly allowed: Counter;
  readonly denied: Counter;
  readonly preflights: Counter;
  readonly cacheHits: Counter;
  readonly cacheMisses: Counter;
}

/** What a route asks for: nothing, or the check of that name. */
export type JwtRouteConfig =
  | { readonly disabled: true }
  | { readonly disabled: false; readonly name: string };

/** The namespace of metadata, whatever the filter is called in its chain. */
const metadataNamespace = "envoy.filters.http.jwt_authn";
/** Of the URL that an answer names. */
const maxPathLength = 256;

/** Authenticates requests by JSON Web Tokens. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/jwt_authn_filter */
export function createJwtAuthnFilter(name: string, config: JwtAuthnConfig): HttpFilter {
  return { name, open: (stream) => new JwtAuthnStream(name, stream, config) };
}

class JwtAuthnStream implements HttpStreamFilter {
  readonly #name: string;
  readonly #stream: HttpStream;
  readonly #config: JwtAuthnConfig;
  #realm = "";
  #waiting = false;
  #outcome: FilterStatus | undefined;
  #ended = false;

  constructor(name: string, stream: HttpStream, config: JwtAuthnConfig) {
    this.#name = name;
    this.#stream = stream;
    this.#config = config;
  }

  onRequest(head: RequestHead): FilterStatus {
    const { bypassCorsPreflight, stats } = this.#config;
    if (bypassCorsPreflight && isPreflight(head)) {
      stats.preflights.inc();
      stats.allowed.inc();
      return "continue";
    }
    const check = this.#check(head);
    if (typeof check === "string") return this.#refuse(403, `Failed JWT authentication: ${check}`, check);
    if (check === undefined) {
      stats.allowed.inc();
      return "continue";
    }
    // Verification takes tokens out of the path: the realm is what the client asked for.
    this.#realm = `${head.scheme}://${head.authority}${head.path.slice(0, maxPathLength)}`;
    const context: JwtContext = {
      head,
      now: Math.floor(this.#stream.clock.now() / 1000),
      extracted: {},
      rerouted: false,
      onCache: (hit) => (hit ? stats.cacheHits : stats.cacheMisses).inc(),
    };
    check(context, (failure) => this.#done(context, failure));
    this.#waiting = true;
    return this.#outcome ?? "stop";
  }

  /** A text says why there is no check to be made, which must not let the request through. */
  #check(head: RequestHead): JwtCheck | undefined | string {
    const route = this.#stream.filterConfig(this.#name) as JwtRouteConfig | undefined; // made by our compileRoute
    const { rule, named } = this.#config;
    if (route === undefined) return rule(head, this.#stream.random());
    if (route.disabled) return undefined;
    return (
      named.get(route.name) ??
      `Wrong requirement_name: ${route.name}. It should be one of [${[...named.keys()].sort().join(",")}]`
    );
  }

  #done(context: JwtContext, failure: JwtFailure | undefined): void {
    if (this.#ended || this.#outcome !== undefined) return;
    const { metadata } = this.#stream.info;
    if (Object.keys(context.extracted).length > 0)
      metadata.set(metadataNamespace, { ...metadata.get(metadataNamespace), ...context.extracted });
    if (failure !== undefined) {
      this.#outcome = this.#refuseToken(failure);
      return;
    }
    this.#config.stats.allowed.inc();
    if (context.rerouted) this.#stream.refreshRoute();
    this.#outcome = "continue";
    if (this.#waiting) this.#stream.continueRequest();
  }

  #refuseToken({ message }: JwtFailure): FilterStatus {
    const invalid = message === "Jwt is missing" ? "" : ', error="invalid_token"';
    const status = message === "Audiences in Jwt are not allowed" ? 403 : 401;
    const headers = ["www-authenticate", `Bearer realm="${this.#realm}"${invalid}`];
    return this.#refuse(status, message, message, headers);
  }

  #refuse(status: number, body: string, details: string, headers: readonly string[] = []): FilterStatus {
    this.#config.stats.denied.inc();
    const reply: LocalReply = {
      status,
      details: `jwt_authn_access_denied{${details.replace(/\s/g, "_")}}`,
      ...(!this.#config.stripFailureResponse && { body, headers }),
    };
    this.#stream.reply(reply);
    return "stop";
  }

  onEnd(): void {
    this.#ended = true;
  }
}

function isPreflight({ method, headers }: RequestHead): boolean {
  return (
    method === "OPTIONS" &&
    (headers.first("origin") ?? "") !== "" &&
    (headers.first("access-control-request-method") ?? "") !== ""
  );
}
