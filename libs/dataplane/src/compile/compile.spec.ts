import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { envoyRegistry, fromEnvoyJson } from "@weft/envoy-api";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import {
  httpChain,
  listener,
  loadAssignment,
  loopback,
  rds,
  routeConfiguration,
  tcpChain,
} from "../testing.ts";
import { createBareEnvironment } from "../validate.ts";
import { checkFields } from "./check-fields.ts";
import { compileCluster, compileEndpoints, compileListener } from "./index.ts";
import { supportedFields } from "./supported/index.ts";

const environment = createBareEnvironment();

const cluster = (json: object) =>
  compileCluster(fromEnvoyJson(ClusterSchema, { name: "c", ...json } as JsonValue), environment);
const compileL = (json: JsonValue) =>
  compileListener(fromEnvoyJson(ListenerSchema, json), createBareEnvironment());
const errorsOf = ({
  problems,
}: {
  problems: readonly { severity: string; path: string; message: string }[];
}) =>
  problems.filter(({ severity }) => severity === "error").map(({ path, message }) => `${path}: ${message}`);

describe("supportedFields", () => {
  it.each([...supportedFields])("names only fields that %s has", (typeName, { used, withoutEffect = {} }) => {
    const schema: DescMessage | undefined = envoyRegistry.getMessage(typeName);
    const known = new Set(schema?.fields.map(({ name }) => name));
    const named = [...used.split(/\s+/), ...Object.keys(withoutEffect)].filter((name) => name !== "");
    expect(named.filter((name) => !known.has(name))).toEqual([]);
    expect(new Set(named).size).toBe(named.length);
  });
});

describe("checkFields()", () => {
  it("finds fields deep inside, with their path", () => {
    const message = fromEnvoyJson(ClusterSchema, {
      name: "c",
      health_checks: [{ timeout: "1s", interval: "1s", tcp_health_check: {} }],
      outlier_detection: { monitors: [{ name: "x" }] },
      metadata: {},
    });
    expect(checkFields(ClusterSchema, message).map(({ severity, path }) => [severity, path])).toEqual([
      ["error", "health_checks"],
      ["error", "outlier_detection.monitors"],
      ["warning", "metadata"],
    ]);
  });
});

describe("compileCluster()", () => {
  it("has Envoy's defaults", () => {
    expect(cluster({ type: "STATIC" }).value).toMatchObject({
      observabilityName: "c",
      loadBalancer: { kind: "round-robin" },
      panicThreshold: 50,
      connectTimeoutMs: 5000,
      protocol: "http1",
      idleTimeoutMs: 3_600_000,
      limits: { connection: 1024, pending: 1024, request: 1024, retry: 3 },
      localityWeighted: false,
    });
  });

  it.each([
    [{ lb_policy: "LEAST_REQUEST" }, { loadBalancer: { kind: "least-request", choices: 2 } }],
    [
      { lb_policy: "RING_HASH", ring_hash_lb_config: { minimum_ring_size: "16" } },
      {
        loadBalancer: {
          kind: "ring-hash",
          minimumRingSize: 16,
          maximumRingSize: 8_388_608,
          byHostname: false,
        },
      },
    ],
    [{ lb_policy: "MAGLEV" }, { loadBalancer: { kind: "maglev", tableSize: 65_537, byHostname: false } }],
    [{ alt_stat_name: "x;" }, { observabilityName: "x;" }],
    [
      {
        type: "ORIGINAL_DST",
        lb_policy: "CLUSTER_PROVIDED",
        original_dst_lb_config: { upstream_port_override: 15006 },
      },
      { discovery: { kind: "original-dst", cleanupMs: 5000, portOverride: 15006 } },
    ],
    [
      {
        type: "STRICT_DNS",
        dns_lookup_family: "V4_ONLY",
        dns_refresh_rate: "60s",
        dns_jitter: "0.1s",
        dns_failure_refresh_rate: { base_interval: "2s" },
      },
      {
        discovery: {
          kind: "dns",
          mode: "strict",
          refreshMs: 60_000,
          jitterMs: 100,
          failureRefresh: { baseMs: 2000, maxMs: 20_000 },
          family: "v4",
        },
      },
    ],
    [
      {
        type: "EDS",
        eds_cluster_config: { service_name: "s", eds_config: { ads: {}, initial_fetch_timeout: "0s" } },
      },
      { discovery: { kind: "eds", serviceName: "s", initialFetchTimeoutMs: 0 } },
    ],
    [
      { upstream_bind_config: { source_address: { address: "127.0.0.6", port_value: 0 } } },
      { bindAddress: "127.0.0.6" },
    ],
    [
      { common_lb_config: { healthy_panic_threshold: { value: 0 }, locality_weighted_lb_config: {} } },
      { panicThreshold: 0, localityWeighted: true },
    ],
    [
      {
        outlier_detection: { consecutive_5xx: 7, enforcing_success_rate: 0, max_ejection_percent: 100 },
      },
      {
        outlierDetection: {
          consecutive5xx: 7,
          enforcing5xx: 100,
          intervalMs: 10_000,
          baseEjectionMs: 30_000,
          maxEjectionPercent: 100,
        },
      },
    ],
    [
      {
        typed_extension_protocol_options: {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            common_http_protocol_options: { idle_timeout: "5s", max_requests_per_connection: 1 },
            explicit_http_config: { http2_protocol_options: {} },
          },
        },
      },
      { protocol: "http2", idleTimeoutMs: 5000, maxRequestsPerConnection: 1 },
    ],
  ])("reads %j", (json, expected) => {
    const compiled = cluster(json);
    expect(errorsOf(compiled)).toEqual([]);
    expect(compiled.value).toMatchObject(expected);
  });

  it.each([
    [
      { lrs_report_endpoint_metrics: ["x"] },
      ["lrs_report_endpoint_metrics: this proxy does not implement this field"],
    ],
    [{ type: "EDS" }, ["eds_cluster_config: a cluster of type EDS needs it"]],
    [
      { filters: [{ name: "istio.metadata_exchange" }] },
      [
        "filters[0]: didn't find a registered implementation for 'istio.metadata_exchange' with type URL: '', known are (no upstream filters)",
      ],
    ],
    [
      {
        transport_socket: {
          name: "quic",
          typed_config: { "@type": "type.googleapis.com/google.protobuf.Empty" },
        },
      },
      [
        "transport_socket: didn't find a registered implementation for 'quic' with type URL: 'google.protobuf.Empty', known are envoy.transport_sockets.raw_buffer, envoy.transport_sockets.tls",
      ],
    ],
  ])("refuses %j", (json, expected) => {
    const compiled = cluster(json);
    expect(compiled.value).toBeUndefined();
    expect(errorsOf(compiled)).toEqual(expected);
  });

  it("chooses the transport socket by the endpoint's metadata", async () => {
    const tls = {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        common_tls_context: {
          tls_certificate_sds_secret_configs: [{ name: "default", sds_config: { ads: {} } }],
        },
      },
    };
    const { value } = cluster({
      transport_socket_matches: [
        { name: "tls", match: { tlsMode: "istio" }, transport_socket: tls },
        { name: "raw", match: {}, transport_socket: { name: "envoy.transport_sockets.raw_buffer" } },
      ],
    });
    const reason = async (metadata: object) => {
      const target = {
        address: "127.0.0.1",
        port: 1,
        metadata: { "envoy.transport_socket_match": metadata },
      };
      const socket = value?.transport.connect(target, undefined);
      return new Promise((resolve) =>
        socket?.once("error", (error: NodeJS.ErrnoException) => resolve(error.code)),
      );
    };
    expect(await reason({ tlsMode: "istio" })).toBe("secrets-not-ready");
    expect(await reason({})).toBe("ECONNREFUSED");
  });
});

describe("compileEndpoints()", () => {
  const compileE = (json: JsonValue) => compileEndpoints(fromEnvoyJson(ClusterLoadAssignmentSchema, json));

  it("reads localities, priorities, weights and health", () => {
    const { value } = compileE({
      cluster_name: "c",
      policy: { overprovisioning_factor: 100 },
      endpoints: [
        {
          locality: { region: "r", zone: "z" },
          priority: 1,
          load_balancing_weight: 5,
          lb_endpoints: [
            { endpoint: { address: loopback(80) }, health_status: "UNHEALTHY", load_balancing_weight: 3 },
            { endpoint: { address: { pipe: { path: "/run/x" } }, hostname: "h" }, health_status: "DRAINING" },
          ],
        },
      ],
    });
    expect(value).toMatchObject({
      overprovisioningPercent: 100,
      localities: [
        {
          locality: { region: "r", zone: "z", subZone: "" },
          priority: 1,
          weight: 5,
          endpoints: [
            { address: "127.0.0.1", port: 80, weight: 3, health: "unhealthy" },
            { address: "/run/x", port: 0, hostname: "h", weight: 1, health: "draining" },
          ],
        },
      ],
    });
  });

  it.each([
    [
      { policy: { drop_overloads: [{ category: "x" }] } },
      ["policy.drop_overloads: this proxy does not implement this field"],
    ],
    [
      { endpoints: [{ lb_endpoints: [{ endpoint: {} }] }] },
      ["endpoints[0].lb_endpoints[0].endpoint.address: an address is needed: socket_address or pipe"],
    ],
  ])("refuses %j", (json, expected) => {
    expect(errorsOf(compileE({ cluster_name: "c", ...json } as JsonValue))).toEqual(expected);
  });

  it("takes an empty assignment", () => {
    expect(compileE(loadAssignment("c")).value?.localities[0]?.endpoints).toEqual([]);
  });
});

describe("compileListener()", () => {
  it("reads addresses, filters, chains and routes", () => {
    const { value, problems } = compileL(
      listener("virtualInbound", httpChain(rds("9080")), {
        address: { socket_address: { address: "0.0.0.0", port_value: 15006 } },
        use_original_dst: true,
        traffic_direction: "INBOUND",
        bind_to_port: false,
        listener_filters_timeout: "0s",
        continue_on_listener_filters_timeout: true,
        listener_filters: [
          {
            name: "envoy.filters.listener.tls_inspector",
            typed_config: {
              "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
            },
            filter_disabled: {
              or_match: {
                rules: [
                  { destination_port_range: { start: 80, end: 81 } },
                  { not_match: { destination_port_range: { start: 0, end: 1000 } } },
                ],
              },
            },
          },
        ],
      }),
    );
    expect(problems).toEqual([]);
    expect(value).toMatchObject({
      name: "virtualInbound",
      statPrefix: "0.0.0.0_15006",
      bindToPort: false,
      useOriginalDst: true,
      direction: "inbound",
      listenerFiltersTimeoutMs: 0,
      continueOnTimeout: true,
      routeNames: ["9080"],
      routesTimeoutMs: 15_000,
    });
    const disabled = value?.listenerFilters[0]?.disabled;
    expect([80, 81, 1000].map((port) => disabled?.(port))).toEqual([true, false, true]);
  });

  it.each<[string, JsonValue, string[]]>([
    [
      "no filter chain",
      { name: "l", address: loopback(1) },
      ["filter_chains: a listener needs at least one filter chain"],
    ],
    [
      "equal matches",
      { name: "l", address: loopback(1), filter_chains: [tcpChain("a"), tcpChain("b")] },
      ["filter_chains[1]: has the same matching rules as filter_chains[0]"],
    ],
    [
      "a chain without filters",
      listener("l", { filters: [] }),
      ["filter_chains[0].filters: a filter chain needs filters, the last of them a terminal one"],
    ],
    [
      "a partial wildcard",
      listener("l", {
        ...(tcpChain("a") as object),
        filter_chain_match: { server_names: ["a*.b"] },
      } as JsonValue),
      [
        'filter_chains[0].filter_chain_match.server_names[0]: "a*.b" is a partial wildcard, allowed are names and suffixes as *.example.com',
      ],
    ],
    [
      "HTTP filters without the router",
      listener(
        "l",
        httpChain(
          { route_config: routeConfiguration("r", { direct_response: { status: 200 } }) },
          { http_filters: [] },
        ),
      ),
      ["filter_chains[0].filters[0].typed_config.http_filters: the last filter must be the router"],
    ],
    [
      "what it does not implement inside of the connection manager",
      listener("l", httpChain(rds("x"), { local_reply_config: {} })),
      [
        "filter_chains[0].filters[0].typed_config.local_reply_config: this proxy does not implement this field",
      ],
    ],
    [
      "an access logger that is not compiled in",
      listener(
        "l",
        httpChain(rds("x"), {
          access_log: [
            { name: "als", typed_config: { "@type": "type.googleapis.com/google.protobuf.Empty" } },
          ],
        }),
      ),
      [
        "filter_chains[0].filters[0].typed_config.access_log[0]: didn't find a registered implementation for 'als' with type URL: 'google.protobuf.Empty', known are envoy.access_loggers.file, envoy.access_loggers.stdout, envoy.access_loggers.stderr",
      ],
    ],
  ])("refuses %s", (_name, json, expected) => {
    const compiled = compileL(json);
    expect(compiled.value).toBeUndefined();
    expect(errorsOf(compiled)).toEqual(expected);
  });

  it("is pure: the same message gives the same version, another one another", () => {
    const one = compileL(listener("l", tcpChain("a")));
    expect(compileL(listener("l", tcpChain("a"))).value?.version).toBe(one.value?.version);
    expect(compileL(listener("l", tcpChain("b"))).value?.version).not.toBe(one.value?.version);
  });
});
