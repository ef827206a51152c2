import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, checkout, describeWithPeer, freePorts, startChild } from "@weft/testkit";
import { frame, getFields, headers, openRawClient, type RawPeer, uint32 } from "../codec/http2/fixtures.ts";
import { frameFlag, frameType } from "../codec/http2/frame.ts";
import { listen, startUpstream, type TestUpstream } from "./fixtures.ts";

type Json = Readonly<Record<string, unknown>>;
const address = (port: number) => ({ socket_address: { address: "127.0.0.1", port_value: port } });
const typed = (type: string, rest: Json = {}) => ({ "@type": `type.googleapis.com/${type}`, ...rest });
const http2Upstream = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      { explicit_http_config: { http2_protocol_options: {} } },
    ),
  },
};
const logFormat =
  "%REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %GRPC_STATUS% %UPSTREAM_PROTOCOL% %BYTES_RECEIVED% %BYTES_SENT%\n";

function bootstrap(port: number, log: string, ports: { h1: number; h2: number; closed: number }): Json {
  const cluster = (name: string, to: readonly number[], more: Json = {}) => ({
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: to.map((one) => ({ endpoint: { address: address(one) } })) }],
    },
    ...more,
  });
  const retry = (on: string) => ({
    retry_on: on,
    num_retries: 2,
    retry_back_off: { base_interval: "0.001s" },
  });
  const routes = [
    { match: { prefix: "/direct" }, direct_response: { status: 418, body: { inline_string: "tea" } } },
    { match: { prefix: "/h1" }, route: { cluster: "h1" } },
    { match: { prefix: "/down" }, route: { cluster: "down" } },
    { match: { prefix: "/empty" }, route: { cluster: "empty" } },
    { match: { prefix: "/retry-refused" }, route: { cluster: "h2", retry_policy: retry("refused-stream") } },
    { match: { prefix: "/retry-grpc" }, route: { cluster: "h2", retry_policy: retry("unavailable") } },
    { match: { prefix: "/slow" }, route: { cluster: "h2", timeout: "0.2s" } },
    { match: { prefix: "/" }, route: { cluster: "h2" } },
  ];
  const manager = typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "parity",
    server_name: "istio-envoy",
    normalize_path: true,
    access_log: [
      {
        name: "envoy.access_loggers.file",
        typed_config: typed("envoy.extensions.access_loggers.file.v3.FileAccessLog", {
          path: log,
          log_format: { text_format_source: { inline_string: logFormat } },
        }),
      },
    ],
    route_config: { name: "parity", virtual_hosts: [{ name: "a", domains: ["a"], routes }] },
    http_filters: [
      {
        name: "envoy.filters.http.router",
        typed_config: typed("envoy.extensions.filters.http.router.v3.Router"),
      },
    ],
  });
  return {
    node: { id: "parity", cluster: "parity" },
    static_resources: {
      listeners: [
        {
          name: "parity",
          address: address(port),
          filter_chains: [
            { filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] },
          ],
        },
      ],
      clusters: [
        cluster("h1", [ports.h1]),
        cluster("h2", [ports.h2], http2Upstream),
        cluster("down", [ports.closed], http2Upstream),
        cluster("empty", [], http2Upstream),
      ],
    },
  };
}

/** An upstream of HTTP/2 that does what the path says. */
function answer(stream: ServerHttp2Stream, path: string, request: readonly string[]): void {
  stream.on("error", () => {}); // resets are part of the tests
  const grpc = { ":status": 200, "content-type": "application/grpc" };
  if (path.startsWith("/slow")) return;
  if (path.startsWith("/reset")) stream.close(2);
  else if (path.includes("refused")) stream.close(7);
  else if (path.startsWith("/half")) {
    stream.respond({ ":status": 200, "content-length": 10 });
    stream.write("abc", () => stream.close(2));
  } else if (path.startsWith("/trailers-only")) {
    stream.respond({ ...grpc, "grpc-status": "5", "grpc-message": "none" }, { endStream: true });
  } else if (path.startsWith("/retry-grpc")) {
    stream.respond({ ...grpc, "grpc-status": "14" }, { endStream: true });
  } else if (path.startsWith("/trailers")) {
    stream.respond(grpc, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "x-t": "1" }));
    stream.end("body");
  } else if (path.startsWith("/hints")) {
    stream.additionalHeaders({ ":status": 103, link: "</a>" });
    stream.respond({ ":status": 204 }, { endStream: true });
  } else if (path.startsWith("/goaway")) {
    stream.session?.goaway(0, 0);
    stream.respond({ ":status": 200 });
    stream.end("after goaway");
  } else {
    stream.respond({ ":status": 200, "x-up": "yes" });
    let received = 0;
    stream.on("data", (bytes: Buffer) => {
      received += bytes.length;
    });
    stream.on("end", () => stream.end(`${request.join("\n")}\n${received}`));
  }
}

const grpcFields = ["content-type", "application/grpc", "te", "trailers"];

/** What is sent on a fresh connection; both proxies must do the same with it. */
const alike: readonly (readonly [what: string, ...frames: readonly Buffer[]])[] = [
  ["a plain request", headers(1, getFields("/x?y=1", "x-foo", "bar", "x_under", "1"))],
  ["the same to HTTP/1", headers(1, getFields("/h1?y=1", "x-foo", "bar"))],
  ["te: trailers to HTTP/1", headers(1, getFields("/h1", "te", "trailers"))],
  ["cookies in crumbs", headers(1, getFields("/h1", "cookie", "a=b", "cookie", "c=d"))],
  [
    "HEAD",
    headers(
      1,
      getFields().map((text) => (text === "GET" ? "HEAD" : text)),
    ),
  ],
  [
    "a body",
    headers(1, getFields("/"), false),
    frame(frameType.data, frameFlag.endStream, 1, Buffer.from("abc")),
  ],
  [
    "a body without length to HTTP/1",
    headers(1, getFields("/h1"), false),
    frame(frameType.data, frameFlag.endStream, 1, Buffer.from("abc")),
  ],
  [
    "a body with length to HTTP/1",
    headers(1, getFields("/h1", "content-length", "3"), false),
    frame(frameType.data, frameFlag.endStream, 1, Buffer.from("abc")),
  ],
  [
    "trailers of a request",
    headers(1, getFields("/"), false),
    frame(frameType.data, 0, 1, Buffer.from("abc")),
    headers(1, ["x-t", "1"]),
  ],
  ["a host beside the authority", headers(1, getFields("/", "host", "b"))],
  ["a host for an authority", headers(1, [":method", "GET", ":scheme", "http", ":path", "/", "host", "a"])],
  ["neither host nor authority", headers(1, [":method", "GET", ":scheme", "http", ":path", "/"])],
  [
    "an authority without a virtual host",
    headers(
      1,
      getFields("/").map((text) => (text === "a" ? "b" : text)),
    ),
  ],
  [
    "scheme https in plain text",
    headers(
      1,
      getFields("/").map((text) => (text === "http" ? "https" : text)),
    ),
  ],
  ["a fragment", headers(1, getFields("/a#b"))],
  ["dot segments", headers(1, getFields("/x/./y/../%7Eu"))],
  ["a path above the root", headers(1, getFields("/../../x"))],
  [
    "Expect: 100-continue",
    headers(1, getFields("/", "expect", "100-continue"), false),
    frame(frameType.data, frameFlag.endStream, 1, Buffer.from("abc")),
  ],
  ["a direct response", headers(1, getFields("/direct"))],
  ["a direct response before the request's end", headers(1, getFields("/direct"), false)],
  ["trailers of a response", headers(1, getFields("/trailers"))],
  ["gRPC: trailers alone", headers(1, getFields("/trailers-only", ...grpcFields))],
  ["gRPC: retried on its status", headers(1, getFields("/retry-grpc", ...grpcFields))],
  ["gRPC: no hosts", headers(1, getFields("/empty", ...grpcFields))],
  ["gRPC: upstream is down", headers(1, getFields("/down", ...grpcFields))],
  [
    "gRPC: no route",
    headers(
      1,
      getFields("/", ...grpcFields).map((text) => (text === "a" ? "b" : text)),
    ),
  ],
  ["gRPC: too slow", headers(1, getFields("/slow", ...grpcFields))],
  ["gRPC: reset", headers(1, getFields("/reset", ...grpcFields))],
  ["no hosts", headers(1, getFields("/empty"))],
  ["an upstream that is down", headers(1, getFields("/down"))],
  ["an upstream that is slow", headers(1, getFields("/slow"))],
  ["an upstream that resets", headers(1, getFields("/reset"))],
  ["an upstream that refuses", headers(1, getFields("/refused"))],
  ["an upstream that refuses, retried", headers(1, getFields("/retry-refused"))],
  ["an upstream that breaks off", headers(1, getFields("/half"))],
  ["an upstream that goes away", headers(1, getFields("/goaway"))],
  [
    "a reset by the client",
    headers(1, getFields("/slow"), false),
    frame(frameType.rstStream, 0, 1, uint32(8)),
  ],
  [
    "a method that is no token",
    headers(
      1,
      getFields("/").map((text) => (text === "GET" ? "G T" : text)),
    ),
  ],
  ["an empty path", headers(1, getFields(""))],
  ["a path without slash", headers(1, getFields("x"))],
  [
    "OPTIONS *",
    headers(
      1,
      getFields("*").map((text) => (text === "GET" ? "OPTIONS" : text)),
    ),
  ],
  ["two paths", headers(1, getFields("/", ":path", "/"))],
  ["an unknown pseudo header", headers(1, getFields("/", ":x", "y"))],
  ["an upper-case name", headers(1, getFields("/", "X-A", "b"))],
  ["a connection header", headers(1, getFields("/", "connection", "close"))],
  ["te: gzip", headers(1, getFields("/", "te", "gzip"))],
  ["a line feed in a value", headers(1, getFields("/", "a", "b\nc"))],
  ["a control character in a value", headers(1, getFields("/", "a", "b\x01c"))],
  ["a content-length that is none", headers(1, getFields("/", "content-length", "+1"))],
  ["a content-length without body", headers(1, getFields("/", "content-length", "1"))],
  ["CONNECT", headers(1, [":method", "CONNECT", ":authority", "a"])],
  [
    "extended CONNECT",
    headers(1, [":method", "CONNECT", ":protocol", "websocket", ...getFields().slice(2)], false),
  ],
  [
    "101 headers",
    headers(1, getFields("/", ...Array.from({ length: 101 }, (_, i) => [`x${i}`, "a"]).flat())),
  ],
];

/** What a proxy did: on the stream, to the connection, and what it wrote into its log. */
async function outcome(port: number, frames: readonly Buffer[]): Promise<string> {
  const peer: RawPeer = await openRawClient(port);
  peer.send(...frames);
  const isEnd = ({ type, flags, streamId }: RawPeer["frames"][number]) =>
    type === frameType.goaway ||
    (streamId === 1 && (type === frameType.rstStream || ((type === 0 || type === 1) && (flags & 1) !== 0)));
  // A reset of the client's own has no answer.
  if (frames.every((bytes) => bytes[3] !== frameType.rstStream)) await peer.until(isEnd);
  peer.send(frame(frameType.ping, 0, 0, Buffer.alloc(8)));
  await peer.until(({ type }) => type === frameType.ping || type === frameType.goaway);
  // Envoy closes without saying why; Weft says it.
  const failed =
    peer.closed ||
    peer.frames.some(({ type, payload }) => type === frameType.goaway && payload.readUInt32BE(4) > 0);
  peer.socket.destroy();
  const lines = peer.frames.flatMap(({ type, streamId, payload, fields }) => {
    if (streamId !== 1) return [];
    if (type === frameType.headers) return [`headers ${normalize(fields)}`];
    if (type === frameType.rstStream) return [`reset ${payload.readUInt32BE(0)}`];
    return type === frameType.data && payload.length > 0
      ? [`data ${normalize(payload.toString().split("\n"))}`]
      : [];
  });
  return [...lines, ...(failed ? ["closed"] : [])].join("\n");
}

/** Lines in one order, without what is never the same. */
function normalize(lines: readonly string[]): string {
  return lines
    .map((line) => line.replace(/^(x-request-id|x-envoy-upstream-service-time): .*/, "$1: …"))
    .filter((line) => !/^(date|via):/.test(line))
    .sort()
    .join(" | ");
}

describeWithPeer("envoy", "HTTP/2 beside real Envoy, with the same bootstrap", (envoy) => {
  let folder: string;
  let h1: TestUpstream;
  let h2: Http2Server;
  let ports: readonly number[];
  const children: Child[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "weft-parity2-"));
    h1 = await startUpstream((socket, received) => {
      const head = received.split("\r\n\r\n")[0] ?? "";
      const whole = head.includes("chunked")
        ? received.endsWith("0\r\n\r\n")
        : received.length > head.length + (head.includes("content-length") ? 6 : 3);
      if (!whole) return;
      const text = received.replaceAll("\r\n", "\n");
      socket.write(`HTTP/1.1 200 OK\r\nx-up: yes\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
    });
    h2 = createServer();
    h2.on("stream", (stream: ServerHttp2Stream, fields) =>
      answer(
        stream,
        String(fields[":path"]),
        Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
      ),
    );
    h2.on("sessionError", () => {});
    const h2Port = await listen(h2 as unknown as Server); // an HTTP/2 server is a net server
    ports = await freePorts(3);
    const [weftPort = 0, envoyPort = 0, closed = 0] = ports;
    const file = async (name: string, port: number) => {
      const path = join(folder, `${name}.json`);
      await writeFile(
        path,
        JSON.stringify(bootstrap(port, join(folder, `${name}.log`), { h1: h1.port, h2: h2Port, closed })),
      );
      return path;
    };
    const weft = startChild(process.execPath, {
      args: [join(checkout, "apps/proxy/src/main.ts"), "-c", await file("weft", weftPort)],
      ready: /"live"/,
    });
    const args = ["-c", await file("envoy", envoyPort), "--concurrency", "1", "--use-dynamic-base-id"];
    const peer = startChild(envoy, {
      args: [...args, "--file-flush-interval-msec", "50"],
      ready: /starting main dispatch loop/,
    });
    children.push(await weft, await peer);
  }, 20_000);

  afterAll(async () => {
    await Promise.all(children.map((child) => child.stop()));
    await h1?.close();
    h2?.close();
    await rm(folder, { recursive: true });
  });

  it.each(alike.map(([what, ...frames]) => [what, frames] as const))("%s", async (_what, frames) => {
    const [weft, peer] = await Promise.all([outcome(ports[0] ?? 0, frames), outcome(ports[1] ?? 0, frames)]);
    expect(weft).toBe(peer);
  });

  it("writes the same access logs", async () => {
    await Promise.all(children.map((child) => child.stop()));
    const [weft, peer] = await Promise.all(
      ["weft", "envoy"].map((name) => readFile(join(folder, `${name}.log`), "utf8")),
    );
    expect(weft?.split("\n")).toEqual(peer?.split("\n"));
  });
});
