import { once } from "node:events";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { describeWithPeer } from "@weft/testkit";
import { extension, type ParitySide, startBoth, staticCluster, typed } from "../oracle/testing/parity.ts";

const http2 = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
      "extensions.upstreams.http.v3.HttpProtocolOptions",
      { explicit_http_config: { http2_protocol_options: {} } },
    ),
  },
};
const tunnel = (name: string, cluster: string, config: object) => ({
  filter_chains: [
    {
      filters: [
        extension("envoy.filters.network.tcp_proxy", "extensions.filters.network.tcp_proxy.v3.TcpProxy", {
          stat_prefix: name,
          cluster,
          tunneling_config: config,
        }),
      ],
    },
  ],
});

/** A forward proxy that says what it was asked, then echoes. */
async function startForwardProxy(): Promise<Server> {
  const server = createHttpServer((request, response) => {
    response.writeHead(request.headers["x-refuse"] === undefined ? 200 : 403);
    response.write(`${request.method} ${request.url} ${request.headers.host} ${request.headers["x-via"]}\n`);
    request.pipe(response);
  });
  server.on("connect", (request, socket, head: Buffer) => {
    socket.on("error", () => {}); // the clients below do not say good-bye
    if (request.headers["x-refuse"] !== undefined) {
      socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    socket.write(
      `HTTP/1.1 200 OK\r\n\r\nCONNECT ${request.url} ${request.headers.host} ${request.headers["x-via"]}\n`,
    );
    socket.write(head);
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function startHttp2Proxy(): Promise<Http2Server> {
  const server = createHttp2Server();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => {}); // likewise
    stream.respond({ ":status": 200 });
    stream.write(`${headers[":method"]} ${headers[":path"]} ${headers[":authority"]} ${headers["x-via"]}\n`);
    stream.pipe(stream);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

describeWithPeer("envoy", "tunnels beside real Envoy", (envoy) => {
  let plain: Server;
  let multiplexed: Http2Server;
  let both: Awaited<ReturnType<typeof startBoth>>;

  beforeAll(async () => {
    plain = await startForwardProxy();
    multiplexed = await startHttp2Proxy();
    const config = {
      hostname: "db.example:3306",
      headers_to_add: [{ header: { key: "x-via", value: "%PROTOCOL%weft" } }],
    };
    const refused = { header: { key: "x-refuse", value: "1" } };
    both = await startBoth(envoy, () => ({
      listeners: {
        connect: tunnel("connect", "plain", config),
        post: tunnel("post", "plain", { ...config, use_post: true, post_path: "/tunnel" }),
        refused: tunnel("refused", "plain", { ...config, headers_to_add: [refused] }),
        "connect over HTTP/2": tunnel("connect2", "multiplexed", config),
        "post over HTTP/2": tunnel("post2", "multiplexed", { ...config, use_post: true }),
      },
      clusters: [
        staticCluster("plain", [(plain.address() as AddressInfo).port]), // they listen on TCP
        staticCluster("multiplexed", [(multiplexed.address() as AddressInfo).port], http2),
      ],
    }));
  }, 20_000);

  afterAll(async () => {
    await both?.close();
    plain?.closeAllConnections();
    plain?.close();
    multiplexed?.close();
  });

  /** Says something, waits for it to come back, says more, waits for that, then ends. */
  async function talk(side: ParitySide, listener: string): Promise<string> {
    const socket = connect(side.port(listener), "127.0.0.1");
    socket.on("error", () => {}); // a reset is an answer, too
    socket.write("first\n");
    let received = "";
    let said = 1;
    socket.on("data", (chunk) => {
      received += chunk.toString();
      if (said === 1 && received.includes("first\n")) {
        said++;
        socket.write("second\n");
      }
      if (received.includes("second\n")) socket.end();
    });
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
    });
    return received;
  }

  it.each([
    ["connect", /^CONNECT db\.example:3306 .*\nfirst\nsecond\n$/],
    ["post", /^POST \/tunnel .*\nfirst\nsecond\n$/],
    ["refused", /^$/],
    ["connect over HTTP/2", /^CONNECT undefined db\.example:3306 .*\nfirst\nsecond\n$/],
    ["post over HTTP/2", /^POST \/ .*\nfirst\nsecond\n$/],
  ])("%s", async (listener, expected) => {
    const [weft, peer] = await Promise.all([talk(both.weft, listener), talk(both.envoy, listener)]);
    expect(weft).toBe(peer);
    expect(weft).toMatch(expected);
  });
});
