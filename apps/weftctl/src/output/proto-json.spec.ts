import { toCamelCase } from "./proto-json.ts";

describe("toCamelCase()", () => {
  it("turns field names, also in lists, maps and packed messages, and leaves the user's own names", () => {
    expect(
      toCamelCase("envoy.config.cluster.v3.Cluster", {
        connect_timeout: "1s",
        load_assignment: { endpoints: [{ lb_endpoints: [{ health_status: "HEALTHY" }] }] },
        metadata: { filter_metadata: { some_filter: { some_key: 1 } } },
        typed_extension_protocol_options: {
          "envoy.extensions.x_y": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            explicit_http_config: { http2_protocol_options: {} },
          },
          unknown_one: { "@type": "type.googleapis.com/no.such.Type", some_field: 1 },
        },
      }),
    ).toEqual({
      connectTimeout: "1s",
      loadAssignment: { endpoints: [{ lbEndpoints: [{ healthStatus: "HEALTHY" }] }] },
      metadata: { filterMetadata: { some_filter: { some_key: 1 } } },
      typedExtensionProtocolOptions: {
        "envoy.extensions.x_y": {
          "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
          explicitHttpConfig: { http2ProtocolOptions: {} },
        },
        unknown_one: { "@type": "type.googleapis.com/no.such.Type", some_field: 1 },
      },
    });
  });
});
