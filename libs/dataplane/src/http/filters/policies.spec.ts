import type { JsonValue } from "@bufbuild/protobuf";
import { signingKey, token } from "../../jwt/fixtures.ts";
import { request, sendRaw } from "../../oracle/testing/pair.ts";
import {
  createCleanup,
  httpChain,
  listener,
  loadAssignment,
  portOf,
  startEcho,
  startProxy,
  until,
} from "../../testing.ts";

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
const cleanup = createCleanup();
afterEach(() => cleanup.run());

const filter = (name: string, message: string, config: object): JsonValue => ({
  name,
  typed_config: { "@type": type(`filters.http.${name}.v3.${message}`), ...config },
});
const route = (prefix: string, name?: string, message?: string, config: object = {}): JsonValue => ({
  match: { prefix },
  route: { cluster: "up" },
  ...(name !== undefined && {
    typed_per_filter_config: { [name]: { "@type": type(`filters.http.${name}.v3.${message}`), ...config } },
  }),
});

async function setUp(filters: readonly JsonValue[], routes: readonly JsonValue[] = [route("/")]) {
  const upstream = await startEcho(cleanup);
  const virtualHost = { name: "v", domains: ["*"], routes: [...routes] };
  const chain = httpChain(
    { route_config: { name: "r", virtual_hosts: [virtualHost] } },
    { http_filters: [...filters, filter("router", "Router", {})] },
  );
  const proxy = await startProxy(
    {
      static_resources: {
        clusters: [{ name: "up", type: "STATIC", load_assignment: loadAssignment("up", upstream) }],
        listeners: [listener("l", chain)],
      },
    },
    cleanup,
  );
  await until(() => proxy.state === "LIVE", "LIVE");
  const status = async (path: string, headers: readonly string[] = []) =>
    (await sendRaw(portOf(proxy, "l"), request("GET", path, headers))).status;
  const count = (name: string) => proxy.stats.counters.get(`http.test.${name}`)?.value;
  return { status, count };
}

const policy = (prefix: string) => ({
  permissions: [{ url_path: { path: { prefix } } }],
  principals: [{ any: true }],
});
const deny = (prefix: string) => ({ action: "DENY", policies: { p: policy(prefix) } });

describe("RBAC", () => {
  it("enforces a route's own rules in place of the filter's, and counts them together", async () => {
    const { status, count } = await setUp(
      [filter("rbac", "RBAC", { rules: deny("/") })],
      [
        route("/own", "rbac", "RBACPerRoute", { rbac: { rules: deny("/own/x") } }),
        route("/open", "rbac", "RBACPerRoute", {}),
        route("/"),
      ],
    );
    expect([await status("/own"), await status("/own/x"), await status("/open"), await status("/")]).toEqual([
      200, 403, 200, 403,
    ]);
    expect([count("rbac.allowed"), count("rbac.denied")]).toEqual([1, 2]);
  });

  it("only counts what shadow rules would refuse", async () => {
    const { status, count } = await setUp([filter("rbac", "RBAC", { shadow_rules: deny("/") })]);
    expect(await status("/")).toBe(200);
    expect([count("rbac.shadow_denied"), count("rbac.denied")]).toEqual([1, 0]);
  });

  it("goes by what filters before it noted", async () => {
    const shadow = filter("rbac", "RBAC", { shadow_rules: deny("/noted") });
    const metadata = {
      filter: "envoy.filters.http.rbac",
      path: [{ key: "shadow_effective_policy_id" }],
      value: { string_match: { exact: "p" } },
    };
    const rules = {
      action: "DENY",
      policies: { q: { permissions: [{ metadata }], principals: [{ any: true }] } },
    };
    const { status } = await setUp([shadow, filter("rbac", "RBAC", { rules })]);
    expect([await status("/noted"), await status("/other")]).toEqual([403, 200]);
  });
});

describe("jwt_authn", () => {
  const key = signingKey("P-256");
  const jwks = { inline_string: JSON.stringify({ keys: [key.jwk] }) };
  const provider = { issuer: "me", local_jwks: jwks, payload_in_metadata: "claims" };
  const needed = { match: { prefix: "/" }, requires: { provider_name: "p" } };
  const jwt = (more: object = {}) =>
    filter("jwt_authn", "JwtAuthentication", { providers: { p: provider }, rules: [needed], ...more });
  const bearer = (claims: object) => [`authorization: Bearer ${token(key, { iss: "me", ...claims })}`];

  it("answers 401 without a token, and lets a good one pass", async () => {
    const { status, count } = await setUp([jwt()]);
    expect([await status("/"), await status("/", bearer({})), await status("/", bearer({}))]).toEqual([
      401, 200, 200,
    ]);
    expect([count("jwt_authn.denied"), count("jwt_authn.allowed"), count("jwt_authn.jwt_cache_hit")]).toEqual(
      [1, 2, 0],
    );
  });

  it("remembers a token's signature", async () => {
    const { status, count } = await setUp([jwt()]);
    const headers = bearer({ exp: Math.floor(Date.now() / 1000) + 60 });
    expect([await status("/", headers), await status("/", headers)]).toEqual([200, 200]);
    expect([count("jwt_authn.jwt_cache_miss"), count("jwt_authn.jwt_cache_hit")]).toEqual([1, 1]);
  });

  it("tells rules what a token says", async () => {
    const metadata = {
      filter: "envoy.filters.http.jwt_authn",
      path: [{ key: "claims" }, { key: "groups" }],
      value: { list_match: { one_of: { string_match: { exact: "ops" } } } },
    };
    const rules = {
      action: "ALLOW",
      policies: { q: { permissions: [{ any: true }], principals: [{ metadata }] } },
    };
    const { status } = await setUp([jwt(), filter("rbac", "RBAC", { rules })]);
    expect([
      await status("/", bearer({ groups: ["dev", "ops"] })),
      await status("/", bearer({ groups: ["dev"] })),
      await status("/", bearer({ groups: "ops" })),
    ]).toEqual([200, 403, 403]);
  });

  it("asks of routes what they name, and refuses where that is not there", async () => {
    const { status } = await setUp(
      [jwt({ rules: [], requirement_map: { strict: { provider_name: "p" } } })],
      [
        route("/strict", "jwt_authn", "PerRouteConfig", { requirement_name: "strict" }),
        route("/unknown", "jwt_authn", "PerRouteConfig", { requirement_name: "x" }),
        route("/"),
      ],
    );
    expect([await status("/strict"), await status("/unknown", bearer({})), await status("/")]).toEqual([
      401, 403, 200,
    ]);
  });

  it.each<[string, object, RegExp]>([
    [
      "a provider that is not there",
      { rules: [{ ...needed, requires: { provider_name: "q" } }] },
      /"q" is not/,
    ],
    [
      "a requirement that is not there",
      { rules: [{ ...needed, requires: undefined, requirement_name: "x" }] },
      /"x" is not in/,
    ],
    [
      "keys that are none",
      { providers: { p: { ...provider, local_jwks: { inline_string: "{}" } } } },
      /valid public key/,
    ],
    ["keys from nowhere", { providers: { p: { ...provider, local_jwks: undefined } } }, /jwks/],
  ])("refuses configuration with %s", async (_name, more, reason) => {
    await expect(setUp([jwt(JSON.parse(JSON.stringify(more)) as object)])).rejects.toThrow(reason);
  });
});
