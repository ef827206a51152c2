import { create, type DescMessage, type JsonObject, type JsonValue, type Message } from "@bufbuild/protobuf";
import { anyPack, DurationSchema, StringValueSchema } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { DataSourceSchema, MetadataSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { TypedExtensionConfigSchema } from "@weft/envoy-api/envoy/config/core/v3/extension_pb.js";
import { PermissionSchema } from "@weft/envoy-api/envoy/config/rbac/v3/rbac_pb.js";
import { ClientSideWeightedRoundRobinSchema } from "@weft/envoy-api/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.js";
import { DiscoveryRequestSchema } from "@weft/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import fc from "fast-check";
import {
  createTypeRegistry,
  EnvoyJsonError,
  fromEnvoyJson,
  packAny,
  toEnvoyJson,
  unpackAny,
} from "../index.ts";

const back = (schema: DescMessage, json: JsonValue) => toEnvoyJson(schema, fromEnvoyJson(schema, json));

const same: readonly (readonly [title: string, schema: DescMessage, json: JsonObject])[] = [
  ["nothing", ClusterSchema, {}],
  [
    "durations and wrappers",
    ClusterSchema,
    { connect_timeout: "0.250s", per_connection_buffer_limit_bytes: 0 },
  ],
  [
    "64-bit integers as text",
    ClusterSchema,
    { ring_hash_lb_config: { minimum_ring_size: "18446744073709551615" } },
  ],
  ["32-bit floats in short", ClientSideWeightedRoundRobinSchema, { error_utilization_penalty: 0.1 }],
  ["numbers that are none", ClientSideWeightedRoundRobinSchema, { error_utilization_penalty: "NaN" }],
  ["enums by name", ClusterSchema, { type: "STRICT_DNS" }],
  ["enums without a name", ClusterSchema, { lb_policy: 77 }],
  ["bytes", DataSourceSchema, { inline_bytes: "AP8=" }],
  ["a oneof that holds the default of its type", DataSourceSchema, { inline_string: "" }],
  ["structs in a map", MetadataSchema, { filter_metadata: { istio: { a: [1, null, { b: "c" }], d: true } } }],
  [
    "an Any in an Any",
    MetadataSchema,
    {
      typed_filter_metadata: {
        a: {
          "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
          name: "n",
          typed_config: { "@type": "type.googleapis.com/google.protobuf.Duration", value: "1s" },
        },
      },
    },
  ],
  [
    "an Any of a type nobody knows",
    TypedExtensionConfigSchema,
    {
      typed_config: {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        type_url: "type.googleapis.com/com.example.Unknown",
        value: { base64: "AQI=" },
      },
    },
  ],
  [
    "a TypedStruct that is one",
    TypedExtensionConfigSchema,
    {
      typed_config: {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        type_url: "type.googleapis.com/com.example.Unknown",
        value: { base64: "AQI=", more: 1 },
      },
    },
  ],
  ["an empty Any", TypedExtensionConfigSchema, { typed_config: {} }],
];

describe("toEnvoyJson() and fromEnvoyJson()", () => {
  it.each(same)("keep %s", (_title, schema, json) => {
    expect(back(schema, json)).toEqual(json);
  });

  it("shows an Any whose bytes are not of its type as bytes", () => {
    const typedConfig = {
      typeUrl: "type.googleapis.com/google.protobuf.Duration",
      value: Uint8Array.of(0xff),
    };
    expect(
      toEnvoyJson(TypedExtensionConfigSchema, create(TypedExtensionConfigSchema, { typedConfig })),
    ).toEqual({
      typed_config: {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        type_url: "type.googleapis.com/google.protobuf.Duration",
        value: { base64: "/w==" },
      },
    });
  });

  it("rounds no float that 32 bits hold, and only what is one", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (penalty) => {
        const json = toEnvoyJson(
          ClientSideWeightedRoundRobinSchema,
          create(ClientSideWeightedRoundRobinSchema, { errorUtilizationPenalty: penalty }),
        );
        // JSON knows no negative zero.
        expect(Math.fround(json.error_utilization_penalty as number)).toBe(penalty === 0 ? 0 : penalty);
      }),
    );
  });
});

const bad: readonly (readonly [schema: DescMessage, json: JsonValue, message: string])[] = [
  [ClusterSchema, [], "[] is not an object (envoy.config.cluster.v3.Cluster)"],
  [ClusterSchema, { nam: "a" }, "nam: envoy.config.cluster.v3.Cluster has no field of this name"],
  [ClusterSchema, { name: 1 }, "name: 1 is not a string"],
  [
    ClusterSchema,
    { circuit_breakers: { thresholds: [{}, { priority: "LOW" }] } },
    'circuit_breakers.thresholds[1].priority: unknown value "LOW", allowed are DEFAULT, HIGH',
  ],
  [
    ClusterSchema,
    { connect_timeout: "5 s" },
    'connect_timeout: "5 s" is not a duration in seconds such as "1.5s"',
  ],
  [ClusterSchema, { filters: {} }, "filters: {} is not a list"],
  [
    ClusterSchema,
    { least_request_lb_config: { choice_count: -1 } },
    "least_request_lb_config.choice_count: -1 is not an integer from 0 to 4294967295",
  ],
  [DataSourceSchema, { inline_bytes: "*" }, 'inline_bytes: "*" is not a base64 string'],
  [
    DataSourceSchema,
    { filename: "a", inline_string: "b" },
    "inline_string: given twice, or beside another field of the oneof specifier",
  ],
  [MetadataSchema, { filter_metadata: { a: 1 } }, 'filter_metadata["a"]: 1 is not an object'],
  [
    PermissionSchema,
    { destination_port: 1.5 },
    "destination_port: 1.5 is not an integer from 0 to 4294967295",
  ],
  [
    PermissionSchema,
    { destination_port: 4_294_967_296 },
    "destination_port: 4294967296 is not an integer from 0 to 4294967295",
  ],
  [PermissionSchema, { any: "true" }, 'any: "true" is not true or false'],
  [
    TypedExtensionConfigSchema,
    { typed_config: { a: 1 } },
    'typed_config: an Any needs its type URL in "@type"',
  ],
  [
    TypedExtensionConfigSchema,
    { typed_config: { "@type": "t/com.example.Unknown" } },
    "typed_config: unknown message type t/com.example.Unknown",
  ],
  [
    TypedExtensionConfigSchema,
    { typed_config: { "@type": "t/google.protobuf.Duration" } },
    'typed_config: an Any of google.protobuf.Duration needs "value" beside "@type"',
  ],
];

describe("fromEnvoyJson()", () => {
  it.each(bad)("refuses %#", (schema, json, message) => {
    expect(() => fromEnvoyJson(schema, json)).toThrow(
      expect.objectContaining({ name: "EnvoyJsonError", message }),
    );
  });

  it("takes lowerCamelCase names, numbers as text, and null for absent", () => {
    const json = {
      connectTimeout: "1s",
      ring_hash_lb_config: { minimumRingSize: 7 },
      filters: null,
      name: null,
    };
    expect(back(ClusterSchema, json)).toEqual({
      connect_timeout: "1s",
      ring_hash_lb_config: { minimum_ring_size: "7" },
    });
    expect(back(PermissionSchema, { destination_port: "80" })).toEqual({ destination_port: 80 });
  });

  it("stops at a depth, not at the end of the stack", () => {
    const deep = (levels: number) =>
      JSON.parse(`${'{"not_rule":'.repeat(levels)}{"any":true}${"}".repeat(levels)}`);
    expect(() => fromEnvoyJson(PermissionSchema, deep(90))).not.toThrow();
    expect(() => fromEnvoyJson(PermissionSchema, deep(5000))).toThrow(/nested deeper than 100 messages$/);
  });

  it("throws nothing but EnvoyJsonError, whatever it is given", () => {
    const names = fc.constantFrom(
      "name",
      "type_urls",
      "node",
      "metadata",
      "error_detail",
      "details",
      "@type",
      "resource_names",
      "value",
    );
    const leaf = fc.oneof(
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom("type.googleapis.com/google.protobuf.Value", "t/google.protobuf.Any"),
    );
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6 },
        leaf,
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.dictionary(names, tie("tree"), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (json) => {
        let message: Message;
        try {
          message = fromEnvoyJson(DiscoveryRequestSchema, json as JsonValue);
        } catch (error) {
          expect(error).toBeInstanceOf(EnvoyJsonError);
          return;
        }
        expect(back(DiscoveryRequestSchema, toEnvoyJson(DiscoveryRequestSchema, message as never))).toEqual(
          toEnvoyJson(DiscoveryRequestSchema, message as never),
        );
      }),
    );
  });
});

describe("packAny() and unpackAny()", () => {
  it("keep type and content", () => {
    const any = packAny(ClusterSchema, create(ClusterSchema, { name: "c" }));
    expect(any.typeUrl).toBe("type.googleapis.com/envoy.config.cluster.v3.Cluster");
    expect(unpackAny(any)).toEqual({ schema: ClusterSchema, message: create(ClusterSchema, { name: "c" }) });
  });

  it("know the registry's types only", () => {
    const any = anyPack(StringValueSchema, create(StringValueSchema, { value: "a" }));
    expect(unpackAny(any)?.message).toMatchObject({ value: "a" });
    expect(unpackAny(any, createTypeRegistry(DurationSchema))).toBeUndefined();
    expect(unpackAny({ ...any, typeUrl: "t/constructor" })).toBeUndefined();
  });
});
