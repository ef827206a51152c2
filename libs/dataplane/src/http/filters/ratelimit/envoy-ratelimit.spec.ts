import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  RateLimitRequestSchema,
  RateLimitResponse_Code,
  RateLimitResponse_RateLimit_Unit,
  RateLimitResponseSchema,
} from "@weft/envoy-api/envoy/service/ratelimit/v3/rls_pb.js";
import { describeWithPeer } from "@weft/testkit";
import {
  extension,
  httpListenerChain,
  normalizeResponse,
  startBoth,
  staticCluster,
} from "../../../oracle/testing/parity.ts";
import { exchange, response, startUpstream, type TestUpstream } from "../../fixtures.ts";

/** A service that decides by the value of the first descriptor's last entry. */
async function startService(): Promise<Http2Server> {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => {}); // callers give up, as a case wants it
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const { domain, descriptors } = fromBinary(RateLimitRequestSchema, Buffer.concat(chunks).subarray(5));
      const wanted = descriptors[0]?.entries.at(-1)?.value ?? "";
      if (wanted === "silent") return;
      if (wanted === "broken") {
        stream.respond({ ":status": 500 }, { endStream: true });
        return;
      }
      const over = wanted === "over";
      const answer = create(RateLimitResponseSchema, {
        overallCode: over ? RateLimitResponse_Code.OVER_LIMIT : RateLimitResponse_Code.OK,
        statuses: [
          {
            code: over ? RateLimitResponse_Code.OVER_LIMIT : RateLimitResponse_Code.OK,
            currentLimit: { requestsPerUnit: 7, unit: RateLimitResponse_RateLimit_Unit.MINUTE, name: domain },
            limitRemaining: over ? 0 : 3,
            durationUntilReset: { seconds: 42n },
          },
        ],
        requestHeadersToAdd: [{ key: "x-from-service", value: `${domain} ${descriptors.length}` }],
        responseHeadersToAdd: [{ key: "x-for-client", value: "yes" }],
        rawBody: over ? Buffer.from("slow down") : new Uint8Array(),
      });
      const message = toBinary(RateLimitResponseSchema, answer);
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(message.length, 1);
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.concat([prefix, message]));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const filter = (more: object = {}) =>
  extension("envoy.filters.http.ratelimit", "extensions.filters.http.ratelimit.v3.RateLimit", {
    domain: "parity",
    timeout: "0.3s",
    rate_limit_service: {
      grpc_service: { envoy_grpc: { cluster_name: "service" } },
      transport_api_version: "V3",
    },
    ...more,
  });
const request = (what: string | undefined, headers: readonly string[] = []) =>
  `${["GET / HTTP/1.1", "Host: a", ...(what === undefined ? [] : [`x-what: ${what}`]), ...headers].join("\r\n")}\r\n\r\n`;

describeWithPeer("envoy", "the rate limit filter beside real Envoy", (envoy) => {
  let service: Http2Server;
  let upstream: TestUpstream;
  let both: Awaited<ReturnType<typeof startBoth>>;

  beforeAll(async () => {
    service = await startService();
    upstream = await startUpstream((socket, received) =>
      socket.write(
        response(
          200,
          /x-from-service: [^\r]*/.exec(received.slice(received.lastIndexOf("GET ")))?.[0] ?? "none",
        ),
      ),
    );
    const routes = [
      {
        match: { prefix: "/" },
        route: {
          cluster: "up",
          rate_limits: [
            {
              actions: [
                { source_cluster: {} },
                { request_headers: { header_name: "x-what", descriptor_key: "what" } },
              ],
            },
          ],
        },
      },
    ];
    const chain = (name: string, more: object) => ({
      filter_chains: [httpListenerChain(name, [filter(more)], routes)],
    });
    const { port } = service.address() as AddressInfo; // it listens on TCP
    both = await startBoth(envoy, () => ({
      listeners: {
        lenient: chain("lenient", { enable_x_ratelimit_headers: "DRAFT_VERSION_03" }),
        strict: chain("strict", {
          failure_mode_deny: true,
          disable_x_envoy_ratelimited_header: true,
          rate_limited_status: { code: "ServiceUnavailable" },
          stat_prefix: "strict",
          response_headers_to_add: [{ header: { key: "x-limited", value: "yes" } }],
        }),
      },
      clusters: [
        staticCluster("up", [upstream.port]),
        staticCluster("service", [port], {
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        }),
      ],
    }));
  }, 20_000);

  afterAll(async () => {
    await both?.close();
    await upstream?.close();
    service?.close();
  });

  const cases = ["lenient", "strict"].flatMap((listener) =>
    ["fine", "over", "broken", "silent", undefined].map((what) => [listener, what] as const),
  );
  it.each(cases)("%s: %s", async (listener, what) => {
    const [weft, peer] = await Promise.all(
      [both.weft, both.envoy].map(async (side) =>
        normalizeResponse(await exchange(side.port(listener), request(what))),
      ),
    );
    expect(weft).toBe(peer);
  });

  it("answers gRPC in its own way", async () => {
    const grpc = request("over", ["content-type: application/grpc"]);
    const [weft, peer] = await Promise.all(
      [both.weft, both.envoy].map(async (side) =>
        normalizeResponse(await exchange(side.port("lenient"), grpc)),
      ),
    );
    expect(weft).toBe(peer);
  });

  it("counts alike", async () => {
    const pattern = /^cluster\.up\.ratelimit/;
    expect(await both.weft.stats(pattern)).toEqual(await both.envoy.stats(pattern));
  });
});
