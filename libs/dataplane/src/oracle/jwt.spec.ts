import type { JsonValue } from "@bufbuild/protobuf";
import { describeWithPeer } from "@weft/testkit";
import { signingKey, token } from "../jwt/fixtures.ts";
import { createCleanup, httpChain, loadAssignment, loopback, startEcho } from "../testing.ts";
import { logLines, type Pair, request, sendRaw, startPair } from "./testing/pair.ts";

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
const keys = {
  es: signingKey("P-256", "es"),
  es384: signingKey("P-384", "es384"),
  es512: signingKey("P-521", "es512"),
  rs: signingKey("RSA", "rs"),
  ed: signingKey("Ed25519", "ed"),
  hs: signingKey("oct", "hs"),
  other: signingKey("P-256"),
};
const { other: _other, ...trusted } = keys;
const local_jwks = {
  // Envoy tries its Ed25519 keys with any algorithm, unless they say their own.
  inline_string: JSON.stringify({
    keys: Object.values(trusted).map(({ jwk }) => (jwk.kty === "OKP" ? { ...jwk, alg: "EdDSA" } : jwk)),
  }),
};
const now = Math.floor(Date.now() / 1000);
const claims = {
  iss: "me",
  sub: "joe",
  aud: ["web", "https://api/"],
  exp: now + 3600,
  scope: "a b",
  n: 7,
  deep: { list: ["??", "~~"], half: 1.5, "with space": "x" },
};
const good = token(keys.es, claims);
const bearer = (text: string) => [`authorization: Bearer ${text}`];
const signed = (changes: object) => bearer(token(keys.es, { ...claims, ...changes }));

const requests: readonly (readonly [name: string, text: string])[] = [
  ["none", request("GET", "/a?b=c")],
  ["good", request("GET", "/", bearer(good))],
  ["good-again", request("GET", "/", bearer(good))],
  ["in-query", request("GET", `/x?a=1&access_token=${good}&b=2`)],
  ["in-cookie", request("GET", "/", [`cookie: a=b; jwt=${good}`])],
  ["in-header", request("GET", "/", [`x-jwt: ${good}`])],
  ["prefix-later", request("GET", "/", [`authorization: Basic x Bearer ${good}`])],
  ["prefix-lower", request("GET", "/", [`authorization: bearer ${good}`])],
  ["two-good", request("GET", "/", [...bearer(good), ...bearer(good)])],
  ["good-and-bad", request("GET", "/", [...bearer(good), ...bearer("a.b.c")])],
  ["bad-and-good", request("GET", "/", [...bearer("a.b.c"), ...bearer(good)])],
  ["header-and-query", request("GET", `/?access_token=${good}`, bearer(good))],
  ["header-and-bad-query", request("GET", "/?access_token=x", bearer(good))],
  ["two-in-header", request("GET", "/", [`x-jwt: ${good}`, `x-jwt: ${good}`])],
  ["joined", request("GET", "/", [`authorization: Bearer ${good},Bearer ${good}`])],
  ["empty", request("GET", "/", ["authorization: Bearer "])],
  ["words", request("GET", "/", bearer("not a token"))],
  ["two-parts", request("GET", "/", bearer("a.b"))],
  ["four-parts", request("GET", "/", bearer(`${good}.x`))],
  ["bad-base64", request("GET", "/", bearer("a*.b.c"))],
  ["bad-json", request("GET", "/", bearer(token(keys.es, claims, "x")))],
  ["bad-payload", request("GET", "/", bearer(token(keys.es, "x")))],
  ["list-payload", request("GET", "/", bearer(token(keys.es, "[]")))],
  ["no-alg", request("GET", "/", bearer(token(keys.es, claims, { typ: "JWT" }, "ES256")))],
  ["alg-none", request("GET", "/", bearer(token(keys.es, claims, { alg: "none" }, "ES256")))],
  ["alg-none-unsigned", request("GET", "/", bearer(`${good.split(".").slice(0, 2).join(".")}.`))],
  ["alg-number", request("GET", "/", bearer(token(keys.es, claims, { alg: 1 }, "ES256")))],
  ["kid-number", request("GET", "/", bearer(token(keys.es, claims, { alg: "ES256", kid: 1 })))],
  ["kid-other", request("GET", "/", bearer(token(keys.es, claims, { alg: "ES256", kid: "x" })))],
  ["kid-of-rsa", request("GET", "/", bearer(token(keys.es, claims, { alg: "ES256", kid: "rs" })))],
  ["kid-path", request("GET", "/", bearer(token(keys.es, claims, { alg: "ES256", kid: "../../dev/null" })))],
  ["kid", request("GET", "/", bearer(token(keys.es, claims, { alg: "ES256", kid: "es" })))],
  ["other-key", request("GET", "/", bearer(token(keys.other, claims)))],
  [
    "other-key-with-jwk",
    request("GET", "/", bearer(token(keys.other, claims, { alg: "ES256", jwk: keys.other.jwk }))),
  ],
  ["hmac-by-public-key", request("GET", "/", bearer(token(keys.hs, claims, { alg: "HS256", kid: "rs" })))],
  ...(
    [
      "ES384",
      "ES512",
      "RS256",
      "RS384",
      "RS512",
      "PS256",
      "PS384",
      "PS512",
      "HS256",
      "HS384",
      "HS512",
    ] as const
  ).map((alg) => {
    const key =
      alg === "ES384" ? keys.es384 : alg === "ES512" ? keys.es512 : alg.startsWith("HS") ? keys.hs : keys.rs;
    return [alg, request("GET", "/", bearer(token(key, claims, { alg })))] as const;
  }),
  ["EdDSA", request("GET", "/", bearer(token(keys.ed, claims, { alg: "EdDSA" })))],
  ["eddsa-short", request("GET", "/", bearer(token(keys.ed, claims, { alg: "EdDSA" }).slice(0, -2)))],
  ["changed", request("GET", "/", bearer(good.replace(/\.([^.]{8})/, ".AAAAAAAA")))],
  ["cut", request("GET", "/", bearer(good.slice(0, -2)))],
  ["expired", request("GET", "/", signed({ exp: now - 120 }))],
  ["just-expired", request("GET", "/", signed({ exp: now - 10 }))],
  ["no-exp", request("GET", "/", signed({ exp: undefined }))],
  ["not-yet", request("GET", "/", signed({ nbf: now + 600 }))],
  ["long-lived", request("GET", "/", signed({ exp: now + 90_000 }))],
  ["exp-text", request("GET", "/", signed({ exp: "x" }))],
  ["exp-negative", request("GET", "/", signed({ exp: -1 }))],
  ["iss-number", request("GET", "/", signed({ iss: 1 }))],
  ["sub-number", request("GET", "/", signed({ sub: 1 }))],
  ["sub-other", request("GET", "/", signed({ sub: "eve" }))],
  ["aud-number", request("GET", "/", signed({ aud: 1 }))],
  ["aud-other", request("GET", "/", signed({ aud: "x" }))],
  ["aud-scheme", request("GET", "/", signed({ aud: "http://web/" }))],
  ["iss-other", request("GET", "/", signed({ iss: "you" }))],
  ["iss-none", request("GET", "/", signed({ iss: undefined }))],
  ["payload-header", request("GET", "/", [...bearer(good), "x-payload: forged", "x-sub: eve"])],
  ["forged-headers", request("GET", "/", ["x-payload: forged", "x-sub: eve"])],
  ["preflight", request("OPTIONS", "/", ["origin: http://a", "access-control-request-method: GET"])],
  ["grpc", request("POST", "/", ["content-type: application/grpc"], "x")],
  ["grpc-bad", request("POST", "/", ["content-type: application/grpc", ...bearer("a.b")], "x")],
  ["open-path", request("GET", "/open/x")],
  ["named", request("GET", "/named")],
  ["route-disabled", request("GET", "/free")],
  ["route-strict", request("GET", "/strict")],
  ["route-unknown", request("GET", "/unknown", bearer(good))],
];

const me = { issuer: "me", audiences: ["web", "api"], local_jwks };
const named = { provider_name: "p" };
const rule = (requires: JsonValue) => ({ match: { prefix: "/" }, requires });

/** Filters by name. */
const configs: Readonly<Record<string, JsonValue>> = {
  plain: { providers: { p: me }, rules: [rule(named)] },
  "all that is passed on": {
    providers: {
      p: {
        ...me,
        forward: true,
        forward_payload_header: "x-payload",
        pad_forward_payload_header: true,
        payload_in_metadata: "payload",
        header_in_metadata: "header",
        normalize_payload_in_metadata: { space_delimited_claims: ["scope", "n"] },
        claim_to_headers: ["sub", "n", "deep.half", "deep.list", "missing"].map((claim) => ({
          header_name: claim === "sub" ? "x-sub" : `x-${claim.replace(".", "-")}`,
          claim_name: claim,
        })),
      },
    },
    rules: [rule(named)],
  },
  "taken out": {
    providers: {
      p: {
        ...me,
        forward_payload_header: "x-payload",
        from_cookies: ["jwt"],
        from_params: ["access_token"],
        from_headers: [{ name: "x-jwt" }, { name: "Authorization", value_prefix: "Bearer " }],
      },
    },
    rules: [rule(named)],
  },
  "no audience, no issuer": { providers: { p: { local_jwks } }, rules: [rule(named)] },
  "audiences of the rule": {
    providers: { p: me },
    rules: [rule({ provider_and_audiences: { provider_name: "p", audiences: ["x"] } })],
  },
  "may be missing": {
    providers: { p: { ...me, payload_in_metadata: "p" } },
    rules: [rule({ requires_any: { requirements: [named, { allow_missing: {} }] } })],
  },
  "may fail": {
    providers: { p: { ...me, payload_in_metadata: "p" } },
    rules: [rule({ requires_any: { requirements: [named, { allow_missing_or_failed: {} }] } })],
  },
  "one of two": {
    providers: { p: me, q: { issuer: "you", local_jwks } },
    rules: [rule({ requires_any: { requirements: [named, { provider_name: "q" }] } })],
  },
  "both of two": {
    providers: { p: { ...me, forward: true }, q: { local_jwks, from_headers: [{ name: "x-jwt" }] } },
    rules: [rule({ requires_all: { requirements: [named, { provider_name: "q" }] } })],
  },
  strict: {
    providers: {
      p: {
        ...me,
        subjects: { exact: "joe" },
        require_expiration: true,
        max_lifetime: "7200s",
        clock_skew_seconds: 5,
      },
    },
    rules: [rule(named)],
  },
  "failure noted": {
    providers: { p: { ...me, failed_status_in_metadata: "why" } },
    rules: [rule(named)],
  },
  "rules and routes": {
    providers: { p: me },
    requirement_map: { r: named },
    bypass_cors_preflight: true,
    strip_failure_response: true,
    rules: [
      { match: { prefix: "/open" } },
      { match: { path: "/named" }, requirement_name: "r" },
      {
        match: { prefix: "/", headers: [{ name: ":method", string_match: { exact: "GET" } }] },
        requires: named,
      },
    ],
  },
};

const format =
  "%REQ(x-case)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.jwt_authn)%\n";

const perRoute = (path: string, config: JsonValue): JsonValue => ({
  match: { prefix: path },
  route: { cluster: "up" },
  typed_per_filter_config: {
    jwt: { "@type": type("filters.http.jwt_authn.v3.PerRouteConfig"), ...(config as object) },
  },
});

function resources(upstream: number, logPath: string) {
  const routes = [
    ...(["free", "strict", "unknown"] as const).map((name) =>
      perRoute(
        `/${name}`,
        name === "free" ? { disabled: true } : { requirement_name: name === "strict" ? "r" : "x" },
      ),
    ),
    { match: { prefix: "/" }, route: { cluster: "up" } },
  ];
  return {
    clusters: [
      { name: "up", type: "STATIC", load_assignment: loadAssignment("up", upstream) },
    ] as JsonValue[],
    listeners: Object.entries(configs).map(([name, filter], index) => ({
      name,
      address: loopback(0),
      filter_chains: [
        httpChain(
          {
            route_config: {
              name: "r",
              virtual_hosts: [
                {
                  name: "v",
                  domains: ["*"],
                  routes:
                    index === Object.keys(configs).indexOf("rules and routes") ? routes : routes.slice(-1),
                },
              ],
            },
          },
          {
            stat_prefix: `l${index}`,
            http_filters: [
              {
                name: "jwt",
                typed_config: {
                  "@type": type("filters.http.jwt_authn.v3.JwtAuthentication"),
                  ...(filter as object),
                },
              },
              { name: "router", typed_config: { "@type": type("filters.http.router.v3.Router") } },
            ],
            access_log: [
              {
                name: "file",
                typed_config: {
                  "@type": type("access_loggers.file.v3.FileAccessLog"),
                  path: logPath,
                  log_format: { text_format_source: { inline_string: format } },
                },
              },
            ],
          },
        ),
      ],
    })) as JsonValue[],
  };
}

describeWithPeer("envoy", "JWT beside a real Envoy", (envoy) => {
  const cleanup = createCleanup();
  let pair: Pair;
  const answers = { envoy: new Map<string, unknown>(), weft: new Map<string, unknown>() };
  const logs = { envoy: new Map<string, string>(), weft: new Map<string, string>() };
  const count = Object.keys(configs).length;

  beforeAll(async () => {
    const upstream = await startEcho(cleanup);
    pair = await startPair(envoy, (logPath) => resources(upstream, logPath), cleanup);
    for (const name of ["envoy", "weft"] as const) {
      for (let index = 0; index < count; index++) {
        await Promise.all(
          requests.map(async ([what, text]) => {
            const key = `${index}:${what}`;
            const marked = text.replace("\r\nconnection: close", `\r\nx-case: ${key}\r\nconnection: close`);
            const { status, headers, body } = await sendRaw(pair[name].port(index), marked);
            answers[name].set(key, {
              status,
              body,
              challenge: headers["www-authenticate"],
              grpc: [headers["grpc-status"], headers["grpc-message"]],
            });
          }),
        );
      }
      logs[name] = await logLines(pair[name], count * requests.length);
    }
  }, 60_000);
  afterAll(() => cleanup.run());

  it.each(Object.keys(configs).map((name, index) => [name, index] as const))(
    "answers, forwards and logs as Envoy does: %s",
    (_name, index) => {
      const seen = (name: "envoy" | "weft") =>
        requests.map(([what]) => {
          const key = `${index}:${what}`;
          return [what, answers[name].get(key), logs[name].get(key)];
        });
      expect(seen("weft")).toEqual(seen("envoy"));
    },
  );

  it("counts as Envoy does", async () => {
    const { envoy: real, weft } = await pair.stats(/jwt_authn\.(?:allowed|denied|cors)/);
    expect(Object.keys(real).length).toBeGreaterThanOrEqual(count);
    expect(weft).toEqual(real);
  });
});
