import type { TextMatcher } from "@weft/matching";
import type { CallCluster, ClusterOutcome } from "../runtime/cluster-call.ts";
import { HeaderMap } from "../runtime/headers.ts";
import { RequestHead } from "../runtime/request.ts";
import { type AuthzDecision, type AuthzHeader, isSendable, noChanges } from "./decision.ts";
import type { Authorizer, AuthzRequest } from "./subject.ts";

/** Envoy's HttpService of ext_authz, compiled. Matchers look at header names in lower case. */
export interface HttpAuthorizerConfig {
  readonly cluster: string;
  readonly timeoutMs: number;
  readonly pathPrefix: string;
  /** Headers of the request that are shown besides `authorization`. */
  readonly allowedHeaders: TextMatcher;
  readonly headersToAdd: readonly (readonly [name: string, value: string])[];
  /** Headers of an answer that go upstream, in place of those that are there and after them. */
  readonly upstreamHeaders: TextMatcher;
  readonly upstreamHeadersToAppend: TextMatcher;
  readonly clientHeadersOnDenial: TextMatcher;
  readonly clientHeadersOnSuccess: TextMatcher;
  readonly metadataHeaders: TextMatcher;
  readonly callCluster: CallCluster;
}

/** Of an answer. */
const maxAnswerBytes = 256 * 1024;
const removalHeader = "x-envoy-auth-headers-to-remove";

/** Asks by the request itself, under a path of its own. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ext_authz_filter */
export function createHttpAuthorizer(config: HttpAuthorizerConfig): Authorizer {
  return ({ request }, done) => {
    if (request === undefined) throw new TypeError("an HTTP authorizer is asked about requests alone");
    return config.callCluster(
      config.cluster,
      {
        head: headOf(request, config),
        ...(request.body !== undefined && { body: request.body.bytes }),
        timeoutMs: config.timeoutMs,
        maxResponseBytes: maxAnswerBytes,
      },
      (outcome) => done(decide(outcome, config)),
    );
  };
}

function headOf({ head, body }: AuthzRequest, config: HttpAuthorizerConfig): RequestHead {
  const headers = new HeaderMap();
  for (const [name, value] of head.headers) {
    if (name === "content-length" || name === "transfer-encoding") continue;
    if (name === "authorization" || config.allowedHeaders(name)) headers.append(name, value);
  }
  for (const [name, value] of config.headersToAdd) headers.set(name, value);
  if (body !== undefined) headers.set("x-envoy-auth-partial-body", String(body.partial));
  headers.set("content-length", String(body?.bytes.length ?? 0));
  const question = new RequestHead(
    head.method,
    `${config.pathPrefix}${head.path}`,
    head.authority,
    "HTTP/1.1",
    headers,
  );
  question.scheme = head.scheme;
  return question;
}

/** As Envoy: 200 lets the request pass, 5xx is no decision, all else is a denial. */
function decide(outcome: ClusterOutcome, config: HttpAuthorizerConfig): AuthzDecision {
  if (outcome.kind !== "response" || outcome.status >= 500) return { kind: "error" };
  const { status, headers, body } = outcome;
  if (status !== 200) {
    return {
      kind: "denied",
      status,
      headers: pick(headers, config.clientHeadersOnDenial, "append").filter(
        ({ name }) => name !== "content-length" && name !== "transfer-encoding",
      ),
      body,
    };
  }
  const metadata = pick(headers, config.metadataHeaders, "append");
  return {
    kind: "ok",
    changes: {
      ...noChanges,
      requestHeaders: [
        ...pick(headers, config.upstreamHeaders, "overwrite"),
        ...pick(headers, config.upstreamHeadersToAppend, "append-if-exists"),
      ],
      requestHeadersToRemove: (headers.get(removalHeader) ?? "")
        .split(",")
        .map((name) => name.trim().toLowerCase())
        .filter((name) => name !== ""),
      responseHeaders: pick(headers, config.clientHeadersOnSuccess, "append"),
    },
    ...(metadata.length > 0 && {
      metadata: Object.fromEntries(metadata.map(({ name, value }) => [name, value])),
    }),
  };
}

/** What only the answer itself is about. */
const ofAnswer: ReadonlySet<string> = new Set([removalHeader, "x-envoy-upstream-service-time"]);

function pick(headers: HeaderMap, matches: TextMatcher, action: AuthzHeader["action"]): AuthzHeader[] {
  const picked: AuthzHeader[] = [];
  for (const [name, value] of headers) {
    if (!ofAnswer.has(name) && matches(name)) picked.push({ name, value, action });
  }
  return picked.filter(isSendable);
}
