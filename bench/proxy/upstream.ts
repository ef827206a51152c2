#!/usr/bin/env node
/** The upstream of the benchmark: answers every request with 100 bytes, for as little CPU as may be. */
import { createServer } from "node:net";

const body = "x".repeat(100);
const response = `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
const headEnd = "\r\n\r\n";

const server = createServer({ noDelay: true }, (socket) => {
  let pending = "";
  socket.on("error", () => socket.destroy());
  socket.on("data", (bytes) => {
    const parts = (pending + bytes.toString("latin1")).split(headEnd);
    pending = parts.pop() ?? "";
    if (parts.length > 0) socket.write(response.repeat(parts.length), "latin1");
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1");
