/**
 * Where Envoy 1.40 differs from the .proto files that are installed, which are older: the constraints it no longer
 * has, or has since, and the fields that Istio sends. `src/envoy-descriptors.spec.ts` compares all constraints with
 * those inside of an Envoy. An entry whose text is not found fails the generation: remove it then.
 */
interface ProtoUpdate {
  readonly file: string;
  /** What is looked for, in a file whose lines end with `\n`. */
  readonly find: RegExp;
  readonly becomes: string;
}

const core = "envoy/config/core/v3";
const http = "envoy/extensions/filters/http";

/** `<type> <name> = <number>` with constraints in front of `;`, to be left without them. */
const freed = (file: string, field: RegExp): ProtoUpdate => ({
  file,
  find: new RegExp(`(${field.source} = \\d+)\\s+\\[\\(validate\\.rules\\)[^;]*\\];`, "g"),
  becomes: "$1;",
});

const optional = (file: string, oneof: string): ProtoUpdate => ({
  file,
  find: new RegExp(`(oneof ${oneof} \\{\\n)\\s*option \\(validate\\.required\\) = true;\n`),
  becomes: "$1",
});

const replaced = (file: string, find: RegExp, becomes: string): ProtoUpdate => ({ file, find, becomes });

/** Applied in this order to the files they name. */
export const protoUpdates: readonly ProtoUpdate[] = [
  // Fields that Istio sends.
  replaced(
    "envoy/config/cluster/v3/cluster.proto",
    /^message Cluster \{\n/m,
    "$&  google.protobuf.Duration dns_jitter = 58 [(validate.rules).duration = {gte {}}];\n",
  ),

  // Constraints that Envoy has dropped.
  freed(`${core}/base.proto`, /string runtime_key/),
  freed(`${core}/protocol.proto`, /google\.protobuf\.Duration max_interval/),
  freed("envoy/config/trace/v3/zipkin.proto", /string collector_(?:cluster|endpoint)/),
  freed("envoy/extensions/access_loggers/open_telemetry/v3/logs_service.proto", /common_config/),
  freed("envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver.proto", /resolvers/),
  freed(
    "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
    /ConfigSource config_source/,
  ),
  freed(`${http}/ext_authz/v3/ext_authz.proto`, /bool disabled/),
  freed(`${http}/ext_proc/v3/ext_proc.proto`, /\n {2}config\.core\.v3\.GrpcService grpc_service/),
  freed(`${http}/gcp_authn/v3/gcp_authn.proto`, /string url/),
  freed(`${http}/ip_tagging/v3/ip_tagging.proto`, /ip_tags/),
  freed(`${http}/jwt_authn/v3/config.proto`, /string claim_name/),
  freed(`${http}/oauth2/v3/oauth.proto`, /SdsSecretConfig token_secret/),
  freed(`${http}/on_demand/v3/on_demand.proto`, /ConfigSource source/),
  freed("envoy/extensions/geoip_providers/common/v3/common.proto", /geo_headers_to_add/),
  freed("envoy/extensions/http/injected_credentials/oauth2/v3/oauth2.proto", /SdsSecretConfig client_secret/),
  freed("envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap.proto", /max_heap_size_bytes/),
  freed(
    "envoy/extensions/transport_sockets/http_11_proxy/v3/upstream_http_11_connect.proto",
    /transport_socket/,
  ),
  optional(`${http}/lua/v3/lua.proto`, "override"),
  optional("envoy/service/ext_proc/v3/external_processor.proto", "request"),
  optional("envoy/service/ext_proc/v3/external_processor.proto", "response"),
  optional("xds/type/v3/cel.proto", "expr_specifier"),

  // Constraints that Envoy has changed or added.
  replaced("envoy/config/accesslog/v3/accesslog.proto", /in: "DR"\n/, '$&        in: "UDO"\n'),
  replaced(
    "envoy/config/cluster/v3/cluster.proto",
    /health_checks = 8;/,
    "health_checks = 8 [(validate.rules).repeated = {max_items: 8}];",
  ),
  replaced(
    `${core}/base.proto`,
    /(KeyValue entry = 1 \[\(validate\.rules\)\.message = )\{required: true\}/,
    "$1{skip: true}",
  ),
  replaced(
    `${core}/protocol.proto`,
    /(initial_interval = 2 [^;]*)gte \{seconds: 1\}/,
    "$1gte {nanos: 1000000}",
  ),
  replaced(`${core}/protocol.proto`, /(idle_network_timeout = 8 [^;]*)lte \{seconds: 600\}\n/, "$1"),
  replaced("envoy/config/metrics/v3/stats.proto", /(double buckets = 2 [^;]*)min_items: 1\n/, "$1"),
  replaced(
    "envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache.proto",
    /(dns_query_timeout = 11 [^;]*)gt \{\}/,
    "$1gte {}",
  ),
  replaced(
    "envoy/extensions/common/ratelimit/v3/ratelimit.proto",
    /(string value = 2 [^;]*)min_len: 1/,
    "$1min_len: 0",
  ),
  replaced(
    `${http}/adaptive_concurrency/v3/adaptive_concurrency.proto`,
    /(Duration interval = 1 [^;]*)required: true\n/,
    "$1",
  ),
  replaced(
    `${http}/gcp_authn/v3/gcp_authn.proto`,
    /(string name = 1\s[^;]*)min_len: 1 (.*strict: false)/,
    "$1$2 ignore_empty: true",
  ),
  replaced(
    "envoy/extensions/transport_sockets/tls/v3/common.proto",
    /string instance_name = 1;/,
    "string instance_name = 1 [(validate.rules).string = {min_len: 1}];",
  ),
  replaced("envoy/type/v3/token_bucket.proto", /(max_tokens = 1 [^;]*)gt: 0/, "$1gte: 0"),
];
