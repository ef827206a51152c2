import { generateKeyPairSync, sign } from "node:crypto";

/** Policies in front of the router, and where requests go. */
export interface Scenario {
  readonly name: string;
  readonly filters: readonly object[];
  readonly path: string;
}

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
const anyOf = (...rules: readonly object[]) => ({ or_rules: { rules } });
const path = (match: object) => ({ url_path: { path: match } });

/** 20 rules as translation makes them, each looked at and none matched. */
const rbac = {
  name: "rbac",
  typed_config: {
    "@type": type("filters.http.rbac.v3.RBAC"),
    rules: {
      action: "DENY",
      policies: Object.fromEntries(
        Array.from({ length: 20 }, (_, i) => [
          `ns[a]-policy[p${i}]-rule[0]`,
          {
            permissions: [
              {
                and_rules: {
                  rules: [
                    anyOf({ header: { name: ":method", string_match: { exact: "GET" } } }),
                    anyOf(path({ prefix: `/api/v${i}/` }), path({ exact: `/x${i}` })),
                  ],
                },
              },
            ],
            principals: [{ and_ids: { ids: [{ any: true }] } }],
          },
        ]),
      ),
    },
  },
};

/** One provider, whose tokens both proxies may remember. */
function jwt(publicKey: object): object {
  return {
    name: "jwt",
    typed_config: {
      "@type": type("filters.http.jwt_authn.v3.JwtAuthentication"),
      providers: {
        p: {
          issuer: "bench",
          forward: true,
          from_params: ["token"],
          payload_in_metadata: "payload",
          jwt_cache_config: { jwt_cache_size: 100 },
          local_jwks: { inline_string: JSON.stringify({ keys: [{ ...publicKey, kid: "k" }] }) },
        },
      },
      rules: [
        {
          match: { prefix: "/" },
          requires: { requires_any: { requirements: [{ provider_name: "p" }, { allow_missing: {} }] } },
        },
      ],
    },
  };
}

/** Makes the scenarios, with a key and a token of their own. */
export function createScenarios(): readonly Scenario[] {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = {
    iss: "bench",
    sub: "joe",
    exp: Math.floor(Date.now() / 1000) + 3600,
    groups: ["dev", "ops"],
  };
  const text = `${encode({ alg: "RS256", kid: "k" })}.${encode(claims)}`;
  const token = `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
  const tokens = jwt(publicKey.export({ format: "jwk" }));
  const plain = "/some/path";
  const withToken = `${plain}?token=${token}`;
  return [
    { name: "router alone", filters: [], path: plain },
    { name: "RBAC, 20 rules", filters: [rbac], path: plain },
    { name: "JWT, remembered", filters: [tokens], path: withToken },
    { name: "both", filters: [tokens, rbac], path: withToken },
  ];
}

const address = (port_value: number) => ({ socket_address: { address: "127.0.0.1", port_value } });

/** The configuration that Envoy and Weft both run. */
export function bootstrap(port: number, upstreamPort: number, { filters }: Scenario): object {
  const router = { name: "router", typed_config: { "@type": type("filters.http.router.v3.Router") } };
  const manager = {
    "@type": type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
    stat_prefix: "bench",
    normalize_path: true,
    route_config: {
      name: "bench",
      virtual_hosts: [
        { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "up" } }] },
      ],
    },
    http_filters: [...filters, router],
  };
  return {
    node: { id: "bench", cluster: "bench" },
    static_resources: {
      clusters: [
        {
          name: "up",
          type: "STATIC",
          connect_timeout: "1s",
          load_assignment: {
            cluster_name: "up",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstreamPort) } }] }],
          },
        },
      ],
      listeners: [
        {
          name: "bench",
          address: address(port),
          filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }],
        },
      ],
    },
  };
}
