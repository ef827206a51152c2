import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { JsonValue } from "@bufbuild/protobuf";
import { eventually } from "@weft/testkit";
import type { ProxyServer } from "../proxy.ts";
import { createCleanup, listener, loopback, portOf, startProxy } from "../testing.ts";
import { createTestAuthority, type Identity } from "../tls/fixtures.ts";

type Json = Record<string, JsonValue>;
const typed = (type: string, rest: Json = {}): Json => ({
  "@type": `type.googleapis.com/envoy.extensions.${type}`,
  ...rest,
});

const shop = "spiffe://td/ns/shop/sa/web";
const bank = "spiffe://td/ns/bank/sa/pay";

const stats = (config: Json = {}): Json => ({
  name: "istio.stats",
  typed_config: {
    "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
    type_url: "type.googleapis.com/stats.PluginConfig",
    value: config,
  },
});

const http = (cluster: string, config: Json = {}): Json => ({
  filters: [
    {
      name: "hcm",
      typed_config: typed("filters.network.http_connection_manager.v3.HttpConnectionManager", {
        stat_prefix: "test",
        route_config: {
          virtual_hosts: [
            { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster } }] },
          ],
        },
        http_filters: [
          stats(config),
          { name: "router", typed_config: typed("filters.http.router.v3.Router") },
        ],
      }),
    },
  ],
});

const tcp = (cluster: string): Json => ({
  filters: [
    stats(),
    {
      name: "tcp",
      typed_config: typed("filters.network.tcp_proxy.v3.TcpProxy", { stat_prefix: "test", cluster }),
    },
  ],
});

function tls(side: "Upstream" | "Downstream", { chain, key }: Identity, root: string, more: Json = {}): Json {
  return {
    transport_socket: {
      name: "envoy.transport_sockets.tls",
      typed_config: typed(`transport_sockets.tls.v3.${side}TlsContext`, {
        common_tls_context: {
          tls_certificates: [
            { certificate_chain: { inline_string: chain }, private_key: { inline_string: key } },
          ],
          validation_context: { trusted_ca: { inline_string: root } },
        },
        ...more,
      }),
    },
  };
}

const cluster = (name: string, port: number, more: Json = {}, endpoint: Json = {}): Json => ({
  name,
  type: "STATIC",
  connect_timeout: "1s",
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: loopback(port) }, ...endpoint }] }],
  },
  ...more,
});

const service = {
  metadata: {
    filter_metadata: {
      istio: { services: [{ host: "pay.bank.svc.cluster.local", name: "pay", namespace: "bank" }] },
    },
  },
};
const workload = { metadata: { filter_metadata: { istio: { workload: "pay-v2;bank;pay;v2;east" } } } };
const node = (name: string, namespace: string, labels: Json): Json => ({
  id: name,
  cluster: name,
  metadata: { WORKLOAD_NAME: name, NAMESPACE: namespace, CLUSTER_ID: "east", LABELS: labels },
});

/** What an admin API shows of Istio's metrics, by name: the labels of each series with its value. */
async function scrape(proxy: ProxyServer): Promise<Map<string, Record<string, string>[]>> {
  const response = await fetch(
    `http://127.0.0.1:${proxy.adminAddress?.port}/stats/prometheus?filter=^istio_`,
  );
  const found = new Map<string, Record<string, string>[]>();
  for (const line of (await response.text()).split("\n")) {
    const [, name = "", labels = "", value = ""] = /^(istio_\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
    if (name === "") continue;
    const series = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, text]) => [label, text]);
    found.set(name, [...(found.get(name) ?? []), { ...Object.fromEntries(series), value }]);
  }
  return found;
}

describe("istio.stats, with two sidecars", () => {
  const cleanup = createCleanup();
  let client: ProxyServer;
  let server: ProxyServer;

  beforeAll(async () => {
    const authority = await createTestAuthority();
    const own = {
      client: await authority.issue({ uris: [shop] }),
      server: await authority.issue({ uris: [bank] }),
    };
    const app = createServer((request, response) => {
      request.resume();
      if (request.url === "/grpc")
        response.writeHead(200, { "content-type": "application/grpc", "grpc-status": "5" }).end();
      else response.writeHead(Number(request.url?.slice(1)) || 200).end("hello");
    }).listen(0, "127.0.0.1");
    await once(app, "listening");
    cleanup.add(() => {
      app.closeAllConnections();
      app.close();
    });
    const appPort = (app.address() as AddressInfo).port; // it listens on TCP
    const inbound = { traffic_direction: "INBOUND" };
    const secured = tls("Downstream", own.server, authority.root, { require_client_certificate: true });
    server = await startProxy(
      {
        node: node("pay-v2", "bank", { app: "pay", version: "v2" }),
        admin: { address: loopback(0) },
        static_resources: {
          listeners: [
            listener("tls", { ...http("app"), ...secured }, inbound),
            listener("plain", http("app"), inbound),
            listener("tcp", { ...tcp("app"), ...secured }, inbound),
            listener(
              "less",
              http("app", {
                metrics: [
                  { tags_to_remove: ["source_principal"], dimensions: { team: "'blue'" } },
                  { name: "request_bytes", drop: true },
                ],
              }),
              inbound,
            ),
          ],
          clusters: [cluster("app", appPort, service)],
        },
      },
      cleanup,
    );
    const mesh = { ...service, ...tls("Upstream", own.client, authority.root) };
    client = await startProxy(
      {
        node: node("web-v1", "shop", { "service.istio.io/canonical-name": "web", app: "web", version: "v1" }),
        admin: { address: loopback(0) },
        static_resources: {
          listeners: [
            ...["tls", "resumed", "plain", "nowhere"].map((name) =>
              listener(name, http(name), { traffic_direction: "OUTBOUND" }),
            ),
            listener("tcp", tcp("tcp"), { traffic_direction: "OUTBOUND" }),
          ],
          clusters: [
            cluster("tls", portOf(server, "tls"), mesh, workload),
            cluster("resumed", portOf(server, "tls"), { ...mesh, max_requests_per_connection: 1 }, workload),
            cluster("tcp", portOf(server, "tcp"), mesh, workload),
            cluster("plain", portOf(server, "plain")),
          ],
        },
      },
      cleanup,
    );
  });

  afterAll(() => cleanup.run());

  const get = async (proxy: ProxyServer, name: string, path = "/", init: RequestInit = {}) =>
    (await fetch(`http://127.0.0.1:${portOf(proxy, name)}${path}`, init)).text();

  /** The one series of a metric with these labels; requests are counted when they are over, which may be after their answer. */
  async function series(proxy: ProxyServer, name: string, wanted: Record<string, string>) {
    return eventually(async () => {
      const all = (await scrape(proxy)).get(name) ?? [];
      const found = all.filter((one) =>
        Object.entries(wanted).every(([label, value]) => one[label] === value),
      );
      if (found.length === 0) return undefined;
      expect(found).toHaveLength(1);
      return found[0];
    });
  }

  const web = {
    source_workload: "web-v1",
    source_workload_namespace: "shop",
    source_principal: shop,
    source_app: "web",
    source_version: "v1",
    source_canonical_service: "web",
    source_canonical_revision: "v1",
    source_cluster: "east",
  };
  const stranger = Object.fromEntries(Object.keys(web).map((label) => [label, "unknown"]));
  const pay = {
    destination_workload: "pay-v2",
    destination_workload_namespace: "bank",
    destination_principal: bank,
    destination_canonical_service: "pay",
    destination_canonical_revision: "v2",
    destination_cluster: "east",
    destination_service: "pay.bank.svc.cluster.local",
    destination_service_name: "pay",
    destination_service_namespace: "bank",
  };

  it("shows each side the other's identity", async () => {
    await get(client, "tls");
    const ended = {
      request_protocol: "http",
      response_code: "200",
      response_flags: "-",
      grpc_response_status: "",
    };
    expect(await series(client, "istio_requests_total", { destination_principal: bank })).toEqual({
      reporter: "source",
      ...web,
      ...pay,
      destination_app: "unknown",
      destination_version: "unknown",
      ...ended,
      connection_security_policy: "unknown",
      value: "1",
    });
    expect(await series(server, "istio_requests_total", { source_principal: shop })).toEqual({
      reporter: "destination",
      ...stranger,
      source_workload_namespace: "shop",
      source_principal: shop,
      ...pay,
      destination_app: "pay",
      destination_version: "v2",
      ...ended,
      connection_security_policy: "mutual_tls",
      value: "1",
    });
  });

  it("knows the peers of a resumed session, too", async () => {
    const resumed = () => client.stats.counters.get("cluster.resumed.ssl.session_reused")?.value ?? 0;
    let sent = 0;
    // Tickets come after the handshake: the first connections may have none to show.
    for (; resumed() === 0 && sent < 50; sent++)
      await get(client, "resumed", "/410", { method: "PUT", body: "" });
    await get(client, "resumed", "/410", { method: "PUT", body: "" });
    expect(resumed()).toBeGreaterThan(0);
    const gone = { response_code: "410", value: String(sent + 1) };
    expect(await series(client, "istio_requests_total", gone)).toMatchObject({
      source_principal: shop,
      destination_principal: bank,
    });
    expect(await series(server, "istio_requests_total", gone)).toMatchObject({
      source_principal: shop,
      connection_security_policy: "mutual_tls",
    });
  });

  it("records time and sizes", async () => {
    await get(client, "tls", "/418", { method: "POST", body: "x".repeat(1000) });
    const gone = { response_code: "418" };
    expect(await series(client, "istio_request_bytes_sum", gone)).toMatchObject({ value: "1000" });
    expect(await series(client, "istio_response_bytes_sum", gone)).toMatchObject({ value: "5" });
    const { value } = await series(client, "istio_request_duration_milliseconds_sum", gone);
    expect(Number(value)).toBeGreaterThan(0);
    const bucket = (le: string) => series(client, "istio_request_bytes_bucket", { ...gone, le });
    expect([(await bucket("500")).value, (await bucket("1000")).value, (await bucket("+Inf")).value]).toEqual(
      ["0", "1", "1"],
    );
  });

  it("tells plain text from mutual TLS", async () => {
    await get(client, "plain");
    expect(
      await series(server, "istio_requests_total", { connection_security_policy: "none" }),
    ).toMatchObject({ ...stranger, destination_principal: "unknown", destination_workload: "pay-v2" });
    expect(
      await series(client, "istio_requests_total", { response_code: "200", source_principal: "unknown" }),
    ).toMatchObject({
      destination_workload: "unknown",
      destination_service: `127.0.0.1:${portOf(client, "plain")}`,
    });
  });

  it("tells the status of gRPC calls", async () => {
    await get(client, "tls", "/grpc", { method: "POST", headers: { "content-type": "application/grpc" } });
    for (const proxy of [client, server])
      expect(await series(proxy, "istio_requests_total", { request_protocol: "grpc" })).toMatchObject({
        response_code: "200",
        grpc_response_status: "5",
      });
  });

  it("counts requests that go nowhere, with the reason", async () => {
    await get(client, "nowhere");
    expect(await series(client, "istio_requests_total", { response_code: "503" })).toMatchObject({
      response_flags: "NC",
      destination_principal: "unknown",
    });
  });

  it("counts connections and their bytes", async () => {
    const socket = connect(portOf(client, "tcp"), "127.0.0.1");
    socket.end("GET / HTTP/1.0\r\n\r\n");
    let received = 0;
    for await (const chunk of socket) received += chunk.length;
    for (const [proxy, policy] of [
      [client, "unknown"],
      [server, "mutual_tls"],
    ] as const) {
      const closed = await series(proxy, "istio_tcp_connections_closed_total", { value: "1" });
      expect(closed).toMatchObject({
        source_principal: shop,
        destination_principal: bank,
        destination_service_name: "pay",
        request_protocol: "tcp",
        connection_security_policy: policy,
      });
      expect(closed).not.toHaveProperty("response_code");
      await series(proxy, "istio_tcp_connections_opened_total", { value: "1" });
      await series(proxy, "istio_tcp_sent_bytes_total", { value: String(received) });
      await series(proxy, "istio_tcp_received_bytes_total", { value: "18" });
    }
  });

  it("removes, adds and drops what is configured", async () => {
    await get(server, "less");
    const counted = await series(server, "istio_requests_total", { team: "blue" });
    expect(counted).not.toHaveProperty("source_principal");
    expect(counted).toHaveProperty("source_workload");
    await series(server, "istio_response_bytes_count", { team: "blue" });
    const sizes = (await scrape(server)).get("istio_request_bytes_count") ?? [];
    expect(sizes.filter(({ team }) => team === "blue")).toEqual([]);
  });
});
