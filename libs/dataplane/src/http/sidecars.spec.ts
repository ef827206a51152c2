import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceError,
} from "@grpc/grpc-js";
import { type Child, checkout, describeWithPeer, freePorts, startChild } from "@weft/testkit";
import { createTestAuthority, type Identity } from "../tls/fixtures.ts";
import { exchange, listen } from "./fixtures.ts";

type Json = Readonly<Record<string, unknown>>;
const address = (port: number) => ({ socket_address: { address: "127.0.0.1", port_value: port } });
const typed = (type: string, rest: Json = {}) => ({ "@type": `type.googleapis.com/${type}`, ...rest });
const identity = "spiffe://td/ns/a/sa/web";

/** What a proxy of this test offers in handshakes, for clusters that say so in their metadata. */
const alpnFilter = {
  name: "envoy.filters.http.set_filter_state",
  typed_config: typed("envoy.extensions.filters.http.set_filter_state.v3.Config", {
    on_request_headers: [
      {
        object_key: "envoy.network.application_protocols",
        format_string: {
          text_format_source: { inline_string: "%CLUSTER_METADATA(istio:alpn)%" },
          omit_empty_values: true,
        },
        skip_if_empty: true,
        shared_with_upstream: "ONCE",
      },
    ],
  }),
};

const manager = (name: string, cluster: string, filters: readonly object[] = []) => ({
  name: "envoy.filters.network.http_connection_manager",
  typed_config: typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: name,
    upgrade_configs: [{ upgrade_type: "websocket" }],
    http2_protocol_options: { allow_connect: true },
    route_config: {
      name,
      virtual_hosts: [
        {
          name,
          domains: ["*"],
          routes: [
            ...(name.startsWith("out") ? [{ match: { prefix: "/plain" }, route: { cluster: "plain" } }] : []),
            { match: { prefix: "/" }, route: { cluster, timeout: "0s" } },
          ],
          response_headers_to_add: [
            { header: { key: `x-${name}`, value: "%UPSTREAM_PROTOCOL% %PROTOCOL%" } },
          ],
        },
      ],
    },
    http_filters: [
      ...filters,
      {
        name: "envoy.filters.http.router",
        typed_config: typed("envoy.extensions.filters.http.router.v3.Router"),
      },
    ],
  }),
});

function tls(kind: string, { chain, key }: Identity, root: string, alpn: readonly string[], more: Json) {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: typed(`envoy.extensions.transport_sockets.tls.v3.${kind}TlsContext`, {
      common_tls_context: {
        alpn_protocols: alpn,
        tls_certificates: [
          { certificate_chain: { inline_string: chain }, private_key: { inline_string: key } },
        ],
        validation_context: {
          trusted_ca: { inline_string: root },
          match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: identity } }],
        },
      },
      ...more,
    }),
  };
}

const options = (config: Json) => ({
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      config,
    ),
  },
});

const cluster = (name: string, port: number, more: Json = {}) => ({
  name,
  type: "STATIC",
  connect_timeout: "1s",
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
  },
  ...more,
});

/** The client's sidecar: as Istio has it, a cluster for each kind of service, whose metadata says what is offered. */
function outbound(
  ports: { h1: number; h2: number; auto: number; inbound: number },
  own: Identity,
  root: string,
) {
  const listener = (name: string, port: number) => ({
    name,
    address: address(port),
    filter_chains: [{ filters: [manager(`out-${name}`, name, [alpnFilter])] }],
  });
  const mesh = (name: string, config: Json, alpn: string) =>
    cluster(name, ports.inbound, {
      metadata: { filter_metadata: { istio: { alpn } } },
      transport_socket: tls("Upstream", own, root, ["istio-peer-exchange", "istio"], { sni: "outbound" }),
      ...options(config),
    });
  return {
    node: { id: "out", cluster: "out" },
    static_resources: {
      listeners: [listener("h1", ports.h1), listener("h2", ports.h2), listener("auto", ports.auto)],
      clusters: [
        mesh("h1", { explicit_http_config: { http_protocol_options: {} } }, "istio-http/1.1,istio,http/1.1"),
        mesh(
          "h2",
          { explicit_http_config: { http2_protocol_options: { allow_connect: true } } },
          "istio-h2,istio,h2",
        ),
        mesh("auto", { auto_config: { http2_protocol_options: {} } }, "istio-h2,istio,h2,http/1.1"),
        cluster("plain", ports.inbound),
      ],
    },
  };
}

/** The server's sidecar: its chains are told apart by what the client offers. */
function inbound(port: number, apps: { h1: number; grpc: number }, own: Identity, root: string) {
  const secured = {
    transport_socket: tls("Downstream", own, root, ["h2", "http/1.1"], { require_client_certificate: true }),
  };
  const chain = (name: string, match: Json, to: string, more: Json = {}) => ({
    name,
    filter_chain_match: match,
    filters: [manager(name, to)],
    ...more,
  });
  return {
    node: { id: "in", cluster: "in" },
    static_resources: {
      listeners: [
        {
          name: "inbound",
          address: address(port),
          listener_filters: ["tls", "http"].map((kind) => ({
            name: `envoy.filters.listener.${kind}_inspector`,
            typed_config: typed(
              `envoy.extensions.filters.listener.${kind}_inspector.v3.${kind === "tls" ? "Tls" : "Http"}Inspector`,
            ),
          })),
          filter_chains: [
            chain(
              "in-h1",
              { transport_protocol: "tls", application_protocols: ["istio-http/1.0", "istio-http/1.1"] },
              "app",
              secured,
            ),
            chain(
              "in-h2",
              { transport_protocol: "tls", application_protocols: ["istio-h2"] },
              "grpc",
              secured,
            ),
            chain(
              "in-plain",
              { transport_protocol: "raw_buffer", application_protocols: ["http/1.1", "h2c"] },
              "app",
            ),
          ],
        },
      ],
      clusters: [
        cluster("app", apps.h1),
        cluster(
          "grpc",
          apps.grpc,
          options({ use_downstream_protocol_config: { http2_protocol_options: {} } }),
        ),
      ],
    },
  };
}

const same = (bytes: Buffer) => bytes;
const echo = {
  path: "/test.Echo/echo",
  requestStream: true,
  responseStream: true,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};

describeWithPeer("envoy", "two sidecars, HTTP/2 and ALPN between them", (envoy) => {
  const command = {
    weft: [process.execPath, join(checkout, "apps/proxy/src/main.ts")],
    envoy: [envoy],
  } as const;
  const pairs = [
    ["weft", "weft"],
    ["weft", "envoy"],
    ["envoy", "weft"],
  ] as const;

  describe.each(pairs)("%s to %s", (client, server) => {
    let folder: string;
    let ports: readonly number[];
    const closers: (() => Promise<void> | void)[] = [];

    async function start(kind: "weft" | "envoy", name: string, config: object): Promise<Child> {
      const file = join(folder, `${name}.json`);
      await writeFile(file, JSON.stringify(config), { mode: 0o600 });
      const [executable, ...args] = command[kind];
      const more = kind === "envoy" ? ["--concurrency", "1", "--use-dynamic-base-id"] : [];
      const child = await startChild(executable as string, {
        args: [...args, "-c", file, ...more],
        ready: kind === "envoy" ? /starting main dispatch loop/ : /"live"/,
        readyTimeoutMs: 20_000,
      });
      closers.push(() => child.stop());
      return child;
    }

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "weft-sidecars-"));
      const authority = await createTestAuthority();
      const own = await authority.issue({ uris: [identity] });
      const app = createServer((request, response) => response.end(`${request.httpVersion} ${request.url}`));
      app.on("upgrade", (_request, socket) => {
        socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
        socket.on("data", (bytes: Buffer) => socket.write(`echo ${bytes}`));
        socket.on("error", () => {});
      });
      const appPort = await listen(app);
      closers.push(
        () => app.closeAllConnections(),
        () => void app.close(),
      );
      const grpc = new Server();
      grpc.addService(
        { echo },
        {
          echo: (call: ServerDuplexStream<Buffer, Buffer>) =>
            call.on("data", (data: Buffer) => call.write(data)).on("end", () => call.end()),
        },
      );
      const grpcPort = await new Promise<number>((resolve, reject) =>
        grpc.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
          error ? reject(error) : resolve(port),
        ),
      );
      closers.push(() => grpc.forceShutdown());
      ports = await freePorts(4);
      const [h1 = 0, h2 = 0, auto = 0, inboundPort = 0] = ports;
      await start(
        server,
        "inbound",
        inbound(inboundPort, { h1: appPort, grpc: grpcPort }, own, authority.root),
      );
      await start(client, "outbound", outbound({ h1, h2, auto, inbound: inboundPort }, own, authority.root));
    }, 45_000);

    afterAll(async () => {
      for (const close of closers.splice(0).reverse()) await close();
      await rm(folder, { recursive: true });
    });

    const port = (index: number) => ports[index] ?? 0;
    /** Requests by node:http2, with prior knowledge. */
    const getHttp2 = (to: number, path: string) =>
      new Promise<{ headers: Record<string, unknown>; body: string }>((resolve, reject) => {
        const session = connectHttp2(`http://127.0.0.1:${to}`);
        const stream = session.request({ ":path": path });
        let headers: Record<string, unknown> = {};
        let body = "";
        stream.on("response", (received) => {
          headers = received;
        });
        stream.on("data", (bytes) => {
          body += String(bytes);
        });
        stream.on("end", () => {
          session.close();
          resolve({ headers, body });
        });
        stream.on("error", reject);
        session.on("error", reject);
      });

    it("carries HTTP/1.1, on the chain for it, whatever the client speaks", async () => {
      const response = await fetch(`http://127.0.0.1:${port(0)}/a`);
      expect(await response.text()).toBe("1.1 /a");
      expect([response.headers.get("x-out-h1"), response.headers.get("x-in-h1")]).toEqual([
        "HTTP/1.1 HTTP/1.1",
        "HTTP/1.1 HTTP/1.1",
      ]);
      const { headers, body } = await getHttp2(port(0), "/b");
      expect([headers["x-out-h1"], headers["x-in-h1"], body]).toEqual([
        "HTTP/1.1 HTTP/2",
        "HTTP/1.1 HTTP/1.1",
        "1.1 /b",
      ]);
    });

    it.each([
      ["HTTP/2", 1],
      ["what the handshake agrees on", 2],
    ])("carries gRPC over %s", async (_what, index) => {
      const grpc = new Client(`127.0.0.1:${port(index)}`, credentials.createInsecure());
      const call = grpc.makeBidiStreamRequest(echo.path, same, same);
      let initial: Record<string, unknown> = {};
      call.on("metadata", (metadata) => {
        initial = metadata.getMap();
      });
      for (let i = 0; i < 10; i++) {
        const answer = new Promise<string>((resolve, reject) => {
          call.once("data", (data) => resolve(String(data)));
          call.once("error", (error: ServiceError) => reject(error));
        });
        call.write(Buffer.from(`m${i}`));
        expect(await answer).toBe(`m${i}`);
        call.removeAllListeners("error");
      }
      const ended = new Promise((resolve) => call.once("status", ({ code }) => resolve(code)));
      call.end();
      expect(await ended).toBe(0);
      expect(initial).toMatchObject({ "x-in-h2": "HTTP/2 HTTP/2" });
      grpc.close();
    });

    it("carries WebSocket upgrades", async () => {
      const upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
      const received = await exchange(port(0), `${upgrade}hello`, (text) => text.endsWith("echo hello"));
      expect(received).toMatch(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\necho hello$/);
    });

    it("carries plain text to the chain for it, both protocols", async () => {
      const response = await fetch(`http://127.0.0.1:${port(1)}/plain`);
      expect([await response.text(), response.headers.get("x-in-plain")]).toEqual([
        "1.1 /plain",
        "HTTP/1.1 HTTP/1.1",
      ]);
      const { headers, body } = await getHttp2(port(3), "/x");
      expect([headers["x-in-plain"], body]).toEqual(["HTTP/1.1 HTTP/2", "1.1 /x"]);
    });
  });
});
