#!/usr/bin/env node
/** The upstream of the benchmark over HTTP/2: answers every request with 100 bytes. */
import { createServer, type ServerHttp2Stream } from "node:http2";

const body = "x".repeat(100);
const server = createServer();
server.on("stream", (stream: ServerHttp2Stream) => {
  stream.on("error", () => stream.destroy());
  stream.respond({ ":status": 200, "content-type": "text/plain", "content-length": body.length });
  stream.end(body);
});
server.listen(Number(process.argv[2]), "127.0.0.1");
