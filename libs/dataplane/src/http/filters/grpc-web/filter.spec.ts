import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { Server } from "node:net";
import { grpcStatusText } from "../../../access-log/grpc-status.ts";
import { listen, startProxy, type TestProxy } from "../../fixtures.ts";
import { createGrpcWebFilter } from "./filter.ts";

/** A message as gRPC frames it. */
const framed = (text: string) => Buffer.concat([Buffer.of(0, 0, 0, 0, text.length), Buffer.from(text)]);
const trailersFrame = (text: string) =>
  Buffer.concat([Buffer.of(0x80, 0, 0, 0, text.length), Buffer.from(text)]);

describe("createGrpcWebFilter()", () => {
  let proxy: TestProxy;
  let upstream: Http2Server;
  let seen: { headers: Record<string, unknown>; body: Buffer }[];

  beforeEach(async () => {
    seen = [];
    upstream = createServer();
    upstream.on("stream", (stream: ServerHttp2Stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on("error", () => {}); // resets are part of the tests
      stream.on("data", (bytes: Buffer) => chunks.push(bytes));
      stream.on("end", () => {
        const body = Buffer.concat(chunks);
        seen.push({ headers, body });
        const head = { ":status": 200, "content-type": "application/grpc" };
        if (headers[":path"] === "/s/fails") {
          stream.respond({ ...head, "grpc-status": "5", "grpc-message": "none" }, { endStream: true });
          return;
        }
        stream.respond(head, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "x-t": "1" }));
        stream.end(body);
      });
    });
    proxy = await startProxy({
      upstreamPorts: [await listen(upstream as unknown as Server)], // an HTTP/2 server is a net server
      cluster: { protocol: "http2" },
      config: { filters: [createGrpcWebFilter("envoy.filters.http.grpc_web")] },
    });
  });
  afterEach(async () => {
    await proxy.close();
    upstream.close();
  });
  const post = async (path: string, type: string, body: Buffer | string, accept = type) => {
    const response = await fetch(`http://127.0.0.1:${proxy.port}${path}`, {
      method: "POST",
      headers: { "content-type": type, accept },
      body,
    });
    return { response, body: Buffer.from(await response.arrayBuffer()) };
  };

  it("passes messages on as gRPC, and puts trailers into the body", async () => {
    const { response, body } = await post("/s/m", "application/grpc-web+proto", framed("hello"));
    expect(seen[0]?.headers).toMatchObject({
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-accept-encoding": "identity,deflate,gzip",
    });
    expect(seen[0]?.body).toEqual(framed("hello"));
    expect(response.headers.get("content-type")).toBe("application/grpc-web+proto");
    expect(body).toEqual(Buffer.concat([framed("hello"), trailersFrame("grpc-status:0\r\nx-t:1\r\n")]));
  });

  it("decodes and encodes texts, whatever pieces they come in", async () => {
    const text = framed("hello").toString("base64") + framed("again").toString("base64");
    const { response, body } = await post("/s/m", "application/grpc-web-text", text);
    expect(seen[0]?.body).toEqual(Buffer.concat([framed("hello"), framed("again")]));
    expect(response.headers.get("content-type")).toBe("application/grpc-web-text+proto");
    const parts = body.toString().match(/[^=]+={0,2}/g) ?? [];
    expect(Buffer.concat(parts.map((part) => Buffer.from(part, "base64")))).toEqual(
      Buffer.concat([framed("hello"), framed("again"), trailersFrame("grpc-status:0\r\nx-t:1\r\n")]),
    );
  });

  it("leaves a status without messages in the headers", async () => {
    const { response, body } = await post("/s/fails", "application/grpc-web", framed(""));
    expect([response.status, response.headers.get("grpc-status"), body.length]).toEqual([200, "5", 0]);
    expect(response.headers.get("content-type")).toBe("application/grpc-web+proto");
    expect(proxy.logs.map(grpcStatusText(""))).toEqual(["NotFound"]);
  });

  it.each([
    ["a text that is none", "!!!!"],
    ["a text cut off", "AAAAA"],
  ])("refuses %s", async (_what, text) => {
    const { response } = await post("/s/m", "application/grpc-web-text", text, "*/*");
    expect([response.status, response.headers.get("grpc-status")]).toEqual([200, "13"]);
    expect(proxy.logs[0]?.details).toBe("grpc_base_64_decode_failed");
    expect(seen).toEqual([]);
  });

  it("leaves all other requests alone", async () => {
    const { response, body } = await post("/s/m", "application/json", "{}");
    expect([response.headers.get("content-type"), body.toString()]).toEqual(["application/grpc", "{}"]);
  });
});
