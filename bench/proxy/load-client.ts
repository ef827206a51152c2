#!/usr/bin/env node
/** A load generator for where wrk is not installed: 32 keep-alive connections, one request at a time each. */
import { connect } from "node:net";
import type { LoadResult } from "./load.ts";

const connections = 32;
const url = new URL(process.argv[2] ?? "");
const seconds = Number(process.argv[3]);
const request = `GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`;

let errors = 0;
let stopped = false;
const times: number[] = [];

function start(): void {
  const socket = connect(Number(url.port), url.hostname);
  socket.setNoDelay(true);
  let sent = 0;
  let received = "";
  const send = () => {
    sent = performance.now();
    socket.write(request, "latin1");
  };
  socket.on("connect", send);
  socket.on("error", () => {
    errors++;
  });
  socket.on("data", (bytes) => {
    received += bytes.toString("latin1");
    const end = received.indexOf("\r\n\r\n");
    const length = /content-length: (\d+)/i.exec(received);
    if (end < 0 || length === null || received.length < end + 4 + Number(length[1])) return;
    if (!received.startsWith("HTTP/1.1 2")) errors++;
    times.push(performance.now() - sent);
    received = "";
    if (stopped) socket.destroy();
    else send();
  });
}

for (let i = 0; i < connections; i++) start();
setTimeout(() => {
  stopped = true;
  const sorted = times.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const result: LoadResult = {
    requests: sorted.length,
    errors,
    perSecond: sorted.length / seconds,
    p50: at(0.5),
    p99: at(0.99),
  };
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}, seconds * 1000);
