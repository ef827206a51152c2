import type { JsonValue } from "@bufbuild/protobuf";
import { describeWithPeer } from "@weft/testkit";
import { createCleanup, httpChain, loadAssignment, loopback, startEcho } from "../testing.ts";
import { request, sendRaw, startPair } from "./testing/pair.ts";

/** Settings that decide whose headers are believed, by name. */
const configs: Readonly<Record<string, Record<string, JsonValue>>> = {
  "as a sidecar": {},
  "at the edge": { use_remote_address: true },
  "at the edge, behind one proxy": { use_remote_address: true, xff_num_trusted_hops: 1 },
  "at the edge, behind two": { use_remote_address: true, xff_num_trusted_hops: 2 },
  "behind one proxy": { xff_num_trusted_hops: 1 },
  "without appending": { use_remote_address: true, skip_xff_append: true },
  "with all inside": {
    use_remote_address: true,
    internal_address_config: { cidr_ranges: [{ address_prefix: "0.0.0.0", prefix_len: 0 }] },
  },
  "with all inside, as a sidecar": {
    internal_address_config: { cidr_ranges: [{ address_prefix: "0.0.0.0", prefix_len: 0 }] },
  },
  "with another inside": {
    internal_address_config: { cidr_ranges: [{ address_prefix: "10.0.0.0", prefix_len: 8 }] },
  },
  "with ids kept": { use_remote_address: true, preserve_external_request_id: true },
  "underscores dropped": { common_http_protocol_options: { headers_with_underscores_action: "DROP_HEADER" } },
  "underscores refused": {
    common_http_protocol_options: { headers_with_underscores_action: "REJECT_REQUEST" },
  },
  "own port stripped": { strip_matching_host_port: true },
  "any port stripped": { strip_any_host_port: true, strip_trailing_host_dot: true },
  "at the edge, via": { use_remote_address: true, via: "weft" },
};

const internal = [
  "x-envoy-retry-on: 5xx",
  "x-envoy-max-retries: 9",
  "x-envoy-upstream-rq-timeout-ms: 9000",
  "x-envoy-upstream-alt-stat-name: x",
  "x-envoy-internal: true",
  "x-envoy-external-address: 1.2.3.4",
  "x-envoy-decorator-operation: op",
  "x-envoy-downstream-service-cluster: forged",
  "x-envoy-downstream-service-node: forged",
  "x-envoy-original-path: /forged",
  "x-envoy-force-trace: yes",
  "x-envoy-ip-tags: t",
  "x-envoy-hedge-on-per-try-timeout: true",
  "x-envoy-expected-rq-timeout-ms: 1",
  "x-envoy-attempt-count: 7",
  "x-envoy-peer-metadata: forged",
  "x-envoy-other: 1",
];

const requests: readonly (readonly [name: string, text: string])[] = [
  ["plain", request("GET", "/")],
  ["forged", request("GET", "/", internal)],
  ["forged, from inside", request("GET", "/", ["x-forwarded-for: 10.0.0.1", ...internal])],
  ["one hop", request("GET", "/", ["x-forwarded-for: 1.2.3.4"])],
  ["two hops", request("GET", "/", ["x-forwarded-for: 1.2.3.4, 5.6.7.8"])],
  ["two lines", request("GET", "/", ["x-forwarded-for: 1.2.3.4", "x-forwarded-for: 5.6.7.8"])],
  ["no address", request("GET", "/", ["x-forwarded-for: nonsense"])],
  ["an IPv6 address", request("GET", "/", ["x-forwarded-for: 2001:db8::1"])],
  ["https", request("GET", "/", ["x-forwarded-proto: https"])],
  ["another scheme", request("GET", "/", ["x-forwarded-proto: ftp"])],
  ["an id", request("GET", "/", ["x-request-id: forged"])],
  ["a certificate", request("GET", "/", ["x-forwarded-client-cert: URI=spiffe://td/ns/a/sa/admin"])],
  ["underscores", request("GET", "/", ["x_user: admin", "x-user: joe"])],
  ["a port", request("GET", "/", ["host: a.example:80"])],
  ["a dot", request("GET", "/", ["host: a.example."])],
  ["a dot and a port", request("GET", "/", ["host: a.example.:80"])],
  [
    "connection names headers",
    request("GET", "/", ["connection: x-forwarded-for, x-user, close", "x-user: joe"]),
  ],
];

function resources(upstream: number) {
  return {
    clusters: [
      { name: "up", type: "STATIC", load_assignment: loadAssignment("up", upstream) },
    ] as JsonValue[],
    listeners: Object.entries(configs).map(([name, settings]) => ({
      name,
      address: loopback(0),
      filter_chains: [
        httpChain(
          {
            route_config: {
              name: "r",
              virtual_hosts: [
                { name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "up" } }] },
              ],
            },
          },
          settings,
        ),
      ],
    })) as JsonValue[],
  };
}

/** What is different each time. */
const withoutChance = (text: string, port: number) =>
  text
    // Of a client on loopback Envoy tells the machine's own address.
    .replace(/(?<=x-forwarded-for: (?:.*,)?)[\d.]+$/gm, "PEER")
    .replace(/x-request-id: [0-9a-f]{8}-[0-9a-f-]{27}/g, "x-request-id: UUID")
    .replaceAll(`:${port}`, ":PORT");

describeWithPeer("envoy", "headers beside a real Envoy", (envoy) => {
  const cleanup = createCleanup();
  const count = Object.keys(configs).length;
  const seen = { envoy: new Map<string, unknown>(), weft: new Map<string, unknown>() };

  beforeAll(async () => {
    const upstream = await startEcho(cleanup, /^connection$/);
    const pair = await startPair(envoy, () => resources(upstream), cleanup);
    for (const name of ["envoy", "weft"] as const) {
      for (let index = 0; index < count; index++) {
        for (const [what, text] of requests) {
          const port = pair[name].port(index);
          const { status, body } = await sendRaw(port, text);
          seen[name].set(`${index}:${what}`, { status, body: withoutChance(body, port) });
        }
      }
    }
  }, 60_000);
  afterAll(() => cleanup.run());

  it.each(Object.keys(configs).map((name, index) => [name, index] as const))(
    "passes on what Envoy does: %s",
    (_name, index) => {
      const of = (name: "envoy" | "weft") =>
        requests.map(([what]) => [what, seen[name].get(`${index}:${what}`)]);
      expect(of("weft")).toEqual(of("envoy"));
    },
  );
});
