#!/usr/bin/env node
/** What Node has for it, as bare as may be: node:http2 in, undici out. It looks up no route and adds no header. */
import { createServer, type OutgoingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { Pool } from "undici";

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: 32 });
const server = createServer();
server.on("stream", (stream: ServerHttp2Stream, received) => {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(received)) {
    if (!name.startsWith(":")) headers[name] = String(value);
  }
  stream.on("error", () => stream.destroy());
  pool.dispatch(
    { path: String(received[":path"]), method: String(received[":method"]), headers },
    {
      onRequestStart() {},
      onResponseStart(_controller, status, fields) {
        const { connection: _, "keep-alive": __, ...rest } = fields as OutgoingHttpHeaders;
        stream.respond({ ...rest, ":status": status });
      },
      onResponseData(_controller, chunk) {
        stream.write(chunk);
      },
      onResponseEnd() {
        stream.end();
      },
      onResponseError() {
        stream.close();
      },
    },
  );
});
server.listen(port, "127.0.0.1");
