import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { create, type DescMessage, getOption, type JsonObject } from "@bufbuild/protobuf";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { HeaderValueSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { ClusterLoadAssignmentSchema } from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { PermissionSchema } from "@weft/envoy-api/envoy/config/rbac/v3/rbac_pb.js";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { rules } from "@weft/envoy-api/validate/validate_pb.js";
import { describeWithPeer, sharedFolder, validateWithEnvoy } from "@weft/testkit";
import {
  createTypeRegistry,
  envoyRegistry,
  envoyTypeNames,
  fromEnvoyJson,
  toEnvoyJson,
  validateMessage,
} from "../index.ts";

const resourceTypes = {
  clusters: ClusterSchema,
  endpoints: ClusterLoadAssignmentSchema,
  listeners: ListenerSchema,
  routes: RouteConfigurationSchema,
} as const satisfies Record<string, DescMessage>;

type Kind = keyof typeof resourceTypes;

function violations(kind: Kind, json: JsonObject): readonly string[] {
  const schema: DescMessage = resourceTypes[kind];
  return validateMessage(schema, fromEnvoyJson(schema, json)).map(
    ({ path, code, message }) => `${path}: ${code}: ${message}`,
  );
}

const typeUrl = (name: string) => `type.googleapis.com/envoy.${name}`;

const route = (json: JsonObject): JsonObject => ({
  name: "r",
  virtual_hosts: [
    {
      name: "v",
      domains: ["*"],
      routes: [{ match: { prefix: "/" }, direct_response: { status: 200 }, ...json }],
    },
  ],
});
const routePath = "virtual_hosts[0].routes[0]";

const withFilter = (filter: JsonObject): JsonObject => ({
  name: "l",
  address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
  filter_chains: [{ filters: [{ name: "f", typed_config: filter }] }],
});
const filterPath = "filter_chains[0].filters[0].typed_config";

const connectionManager = (more: JsonObject): JsonObject => ({
  "@type": typeUrl("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
  stat_prefix: "s",
  route_config: { name: "r" },
  http_filters: [
    { name: "router", typed_config: { "@type": typeUrl("extensions.filters.http.router.v3.Router") } },
  ],
  ...more,
});

/** Resources with one mistake each: what they are, and what we say. Real Envoy refuses every one (see below). */
const mistakes: readonly (readonly [title: string, kind: Kind, json: JsonObject, said: string])[] = [
  [
    "empty text",
    "clusters",
    { connect_timeout: "1s" },
    "name: length: is empty, allowed is at least 1 character",
  ],
  [
    "duration that must be above 0",
    "clusters",
    { name: "c", connect_timeout: "0s" },
    "connect_timeout: out-of-range: 0s is out of range, allowed is more than 0s",
  ],
  [
    "wrapped number below its least",
    "clusters",
    {
      name: "c",
      max_requests_per_connection: 1,
      lb_policy: "LEAST_REQUEST",
      least_request_lb_config: { choice_count: 1 },
    },
    "least_request_lb_config.choice_count: out-of-range: 1 is out of range, allowed is at least 2",
  ],
  [
    "enum without a name",
    "clusters",
    { name: "c", circuit_breakers: { thresholds: [{ priority: 7 }] } },
    "circuit_breakers.thresholds[0].priority: undefined-enum: 7 is no value of envoy.config.core.v3.RoutingPriority, allowed is DEFAULT, HIGH",
  ],
  [
    "percentage above its most",
    "clusters",
    { name: "c", outlier_detection: { max_ejection_percent: 101 } },
    "outlier_detection.max_ejection_percent: out-of-range: 101 is out of range, allowed is at most 100",
  ],
  [
    "double above its most",
    "clusters",
    { name: "c", common_lb_config: { healthy_panic_threshold: { value: 100.5 } } },
    "common_lb_config.healthy_panic_threshold.value: out-of-range: 100.5 is out of range, allowed is at least 0 and at most 100",
  ],
  [
    "port above 65535",
    "endpoints",
    {
      cluster_name: "c",
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address: "::1", port_value: 65_536 } } } },
          ],
        },
      ],
    },
    "endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value: out-of-range: 65536 is out of range, allowed is at most 65535",
  ],
  [
    "missing choice of a oneof",
    "routes",
    route({ match: {} }),
    `${routePath}.match.path_specifier: required: is missing, one of prefix, path, safe_regex, connect_matcher, path_separated_prefix, path_match_policy is needed`,
  ],
  [
    "pattern",
    "routes",
    route({ match: { path_separated_prefix: "/api/" } }),
    `${routePath}.match.path_separated_prefix: pattern: "/api/" is wrong, allowed is what matches ^[^?#]+[^?#/]$`,
  ],
  [
    "too few items",
    "routes",
    { name: "r", virtual_hosts: [{ name: "v", domains: [] }] },
    "virtual_hosts[0].domains: item-count: has 0 items, allowed is at least 1",
  ],
  [
    "header name with a line break",
    "routes",
    route({ request_headers_to_remove: ["a\nb"] }),
    `${routePath}.request_headers_to_remove[0]: pattern: "a\\nb" is wrong, allowed is no NUL, CR or LF`,
  ],
  [
    "missing message",
    "routes",
    route({ response_headers_to_add: [{}] }),
    `${routePath}.response_headers_to_add[0].header: required: is missing, a value is needed`,
  ],
  [
    "number outside of a range",
    "routes",
    route({ direct_response: { status: 199 } }),
    `${routePath}.direct_response.status: out-of-range: 199 is out of range, allowed is at least 200 and less than 600`,
  ],
  [
    "message inside an Any",
    "listeners",
    withFilter({ "@type": typeUrl("extensions.filters.network.tcp_proxy.v3.TcpProxy"), cluster: "c" }),
    `${filterPath}.stat_prefix: length: is empty, allowed is at least 1 character`,
  ],
  [
    "message inside an Any inside an Any",
    "listeners",
    withFilter(
      connectionManager({
        http_filters: [
          {
            name: "fault",
            typed_config: {
              "@type": typeUrl("extensions.filters.http.fault.v3.HTTPFault"),
              abort: { http_status: 600 },
            },
          },
          { name: "router", typed_config: { "@type": typeUrl("extensions.filters.http.router.v3.Router") } },
        ],
      }),
    ),
    `${filterPath}.http_filters[0].typed_config.abort.http_status: out-of-range: 600 is out of range, allowed is at least 200 and less than 600`,
  ],
  [
    "boolean with one value",
    "listeners",
    withFilter({
      "@type": typeUrl("extensions.filters.network.rbac.v3.RBAC"),
      stat_prefix: "s",
      rules: { policies: { p: { permissions: [{ any: false }], principals: [{ any: true }] } } },
    }),
    `${filterPath}.rules.policies["p"].permissions[0].any: not-allowed: allowed is true only`,
  ],
];

describe("validateMessage()", () => {
  it.each(mistakes)("says where and what: %s", (_title, kind, json, said) => {
    expect(violations(kind, json)).toEqual([said]);
  });

  it("finds nothing wrong with what is right", () => {
    expect(violations("clusters", { name: "c", connect_timeout: "1s" })).toEqual([]);
    expect(violations("routes", route({}))).toEqual([]);
    expect(violations("listeners", withFilter(connectionManager({})))).toEqual([]);
  });

  it("finds every mistake, up to a limit", () => {
    const routes = Array.from({ length: 5 }, () => ({ match: {}, direct_response: { status: 1 } }));
    const message = fromEnvoyJson(RouteConfigurationSchema, {
      virtual_hosts: [{ name: "v", domains: ["*"], routes }],
    });
    expect(validateMessage(RouteConfigurationSchema, message)).toHaveLength(10);
    expect(validateMessage(RouteConfigurationSchema, message, { limit: 3 })).toHaveLength(3);
  });

  it("looks only into types that its registry has", () => {
    const message = fromEnvoyJson(
      ListenerSchema,
      withFilter({ "@type": typeUrl("extensions.filters.network.tcp_proxy.v3.TcpProxy") }),
    );
    expect(validateMessage(ListenerSchema, message)).not.toEqual([]);
    expect(validateMessage(ListenerSchema, message, { registry: createTypeRegistry() })).toEqual([]);
  });

  it("reports an Any whose bytes are not of its type", () => {
    const message = fromEnvoyJson(
      ListenerSchema,
      withFilter({
        "@type": typeUrl("xds.type.v3.TypedStruct").replace("envoy.", ""),
        type_url: typeUrl("extensions.filters.network.tcp_proxy.v3.TcpProxy"),
        value: { base64: "/////w==" },
      }),
    );
    expect(validateMessage(ListenerSchema, message)[0]).toMatchObject({
      path: filterPath,
      code: "malformed-any",
    });
  });

  it("stops at a depth, not at the end of the stack", () => {
    let rule = create(PermissionSchema, { rule: { case: "any", value: true } });
    for (let i = 0; i < 300; i++) rule = create(PermissionSchema, { rule: { case: "notRule", value: rule } });
    const [violation] = validateMessage(PermissionSchema, rule);
    expect(violation).toMatchObject({ code: "too-deep", message: "is nested deeper than 100 messages" });
  });

  it("accepts header values that hold what HTTP allows", () => {
    expect(
      validateMessage(HeaderValueSchema, create(HeaderValueSchema, { key: "x-a", value: "å\t%REQ(x)%" })),
    ).toEqual([]);
  });

  it("knows every rule and pattern that Envoy's API uses", () => {
    const patterns = new Set<string>();
    for (const name of envoyTypeNames) {
      const schema = envoyRegistry.getMessage(name);
      if (schema?.typeName !== name) throw new Error(`no type ${name}`);
      // Compiling a type throws where a rule has no check.
      validateMessage(schema, create(schema));
      for (const field of schema.fields) {
        const { type } = getOption(field, rules);
        if (type.case === "string" && type.value.pattern !== "") patterns.add(type.value.pattern);
      }
    }
    // These mean the same to RE2 and to JavaScript, in linear time: look at a new one.
    expect([...patterns].sort()).toEqual([
      "^$|^.*\\.mmdb$",
      "^[0-9a-zA-Z_\\-\\./~:]+$",
      "^[0-9a-zA-Z_\\-\\.~:]+$",
      "^[^?#]+[^?#/]$",
    ]);
  }, 30_000);

  const folder = sharedFolder("reference/istiod-1.29");
  const files =
    folder !== undefined && existsSync(folder) ? globSync("*/*.json", { cwd: folder }).sort() : [];
  (files.length === 0 ? it.skip : it)("finds nothing wrong with what istiod sends", () => {
    for (const file of files) {
      const dump = JSON.parse(readFileSync(join(folder ?? "", file), "utf8")) as Record<
        Kind,
        Record<string, JsonObject>
      >;
      for (const kind of Object.keys(resourceTypes) as Kind[]) {
        for (const resource of Object.values(dump[kind])) expect(violations(kind, resource)).toEqual([]);
      }
    }
  });
});

describeWithPeer("envoy", "Envoy, given the same mistakes", () => {
  const resources = (kind: Kind, json: JsonObject) => {
    if (kind === "endpoints") {
      return { clusters: { c: { name: "c", type: "STATIC", load_assignment: json } } };
    }
    if (kind === "routes") {
      return { listeners: { l: withFilter(connectionManager({ route_config: json })) } };
    }
    return { clusters: { c: { name: "c", type: "STATIC" } }, [kind]: { x: json } };
  };

  it("takes a resolver without addresses, which the shipped .proto files forbid", async () => {
    const resolver = { "@type": typeUrl("extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig") };
    const cluster = {
      name: "c",
      type: "STRICT_DNS",
      typed_dns_resolver_config: { name: "envoy.network.dns_resolver.cares", typed_config: resolver },
      dns_jitter: "0.100s",
      load_assignment: { cluster_name: "c" },
    };
    expect(await validateWithEnvoy({ resources: { clusters: { c: cluster } } })).toEqual([]);
    expect(violations("clusters", cluster)).toEqual([]);
  });

  it.each(mistakes)("refuses: %s", async (_title, kind, json) => {
    const said = await validateWithEnvoy({ resources: resources(kind, json) });
    expect(said.join("\n")).toMatch(/ValidationError|Unable to parse/);
  });

  it("takes an OpenTelemetry access log, whose values are described by this project", async () => {
    const log = {
      "@type": typeUrl("extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig"),
      common_config: {
        log_name: "l",
        transport_api_version: "V3",
        grpc_service: { envoy_grpc: { cluster_name: "sds-grpc" } },
      },
      body: { string_value: "%PROTOCOL%" },
      attributes: {
        values: [
          { key: "k", value: { kvlist_value: { values: [{ key: "a", value: { string_value: "1" } }] } } },
        ],
      },
    };
    const json = withFilter(connectionManager({ access_log: [{ name: "otel", typed_config: log }] }));
    expect(await validateWithEnvoy({ resources: resources("listeners", json) })).toEqual([]);
    expect(violations("listeners", json)).toEqual([]);
    expect(toEnvoyJson(ListenerSchema, fromEnvoyJson(ListenerSchema, json))).toEqual(json);
  });

  it("takes the same resources without them", async () => {
    for (const [kind, json] of [
      ["routes", route({})],
      ["listeners", withFilter(connectionManager({}))],
    ] as const) {
      expect(await validateWithEnvoy({ resources: resources(kind, json) })).toEqual([]);
    }
  });
});
