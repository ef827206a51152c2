import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type Clock, systemClock } from "@weft/base";
import { assignment, clusterConfig, endpoint } from "../cluster/fixtures.ts";
import { type ClusterManager, createClusterManager } from "../cluster/index.ts";
import type { ClusterConfig } from "../runtime/cluster-config.ts";
import type { ServedConnection } from "../runtime/connection.ts";
import {
  defaultHeaderSettings,
  defaultHeadLimits,
  defaultHttp1Settings,
  defaultPathSettings,
  defaultStreamTimeouts,
  type HttpConnectionManagerConfig,
} from "../runtime/http-connection-manager.ts";
import { defaultHttp2Settings } from "../runtime/http2-settings.ts";
import type { ForwardAction, RetryPolicy, Route } from "../runtime/route.ts";
import type { StreamInfo } from "../runtime/stream-info.ts";
import { createStatsStore, type StatsStore } from "../stats/index.ts";
import { createRawTransport } from "../tcp/raw-transport.ts";
import { createSecretStore } from "../tls/index.ts";
import { createHttpDataPath } from "./data-path.ts";

/** For tests: a route that forwards to cluster `c`. */
export function forward(changes: Partial<ForwardAction> = {}, route: Partial<Route> = {}): Route {
  return {
    name: "r",
    virtualHost: "v",
    requestHeaders: [],
    responseHeaders: [],
    filterConfig: new Map(),
    includeAttemptCount: false,
    action: {
      kind: "forward",
      pick: () => ({ cluster: "c" }),
      timeoutMs: 15_000,
      clusterNotFoundStatus: 503,
      ...changes,
    },
    ...route,
  };
}

/** For tests: a retry policy without waits. */
export function retryOn(words: string, changes: Partial<RetryPolicy> = {}): RetryPolicy {
  return {
    attempts: 2,
    perTryTimeoutMs: 0,
    retryOn: new Set(words.split(",")),
    retriableStatusCodes: new Set(),
    hostSelectionAttempts: 1,
    avoidPreviousHosts: false,
    backoffBaseMs: 0,
    backoffMaxMs: 0,
    perTryIdleTimeoutMs: 0,
    ...changes,
  };
}

/** For tests: what a proxy is made of. */
export interface ProxyOptions {
  readonly upstreamPorts: readonly number[];
  readonly route?: Route | undefined;
  readonly routes?: HttpConnectionManagerConfig["routes"];
  readonly config?: Partial<HttpConnectionManagerConfig>;
  readonly cluster?: Partial<ClusterConfig>;
  readonly clock?: Clock;
}

/** For tests: a connection manager at work on loopback. */
export interface TestProxy {
  readonly port: number;
  /** Ended streams, in order. */
  readonly logs: readonly StreamInfo[];
  readonly stats: StatsStore;
  readonly clusters: ClusterManager;
  readonly connections: readonly ServedConnection[];
  close(): Promise<void>;
}

/** For tests: starts a proxy with one route to one static cluster `c`. */
export async function startProxy(options: ProxyOptions): Promise<TestProxy> {
  const clock = options.clock ?? systemClock;
  const stats = createStatsStore();
  const resolver = { resolve: () => Promise.reject(new Error("no DNS in this test")) };
  const clusters = createClusterManager({
    clock,
    random: Math.random,
    stats,
    secrets: createSecretStore(() => clock.now()),
    resolver: resolver as never,
  });
  const ends = options.upstreamPorts.map((port) => endpoint(1, { address: "127.0.0.1", port }));
  clusters.upsert(
    clusterConfig({
      discovery: { kind: "static", endpoints: assignment(...ends) },
      transport: createRawTransport({}),
      ...options.cluster,
    }),
  );
  const path = createHttpDataPath({ clock, clusters });
  const scope = stats.scope("http.test");
  const logs: StreamInfo[] = [];
  const route = "route" in options ? options.route : forward();
  const filter = path.createConnectionManager({
    codec: "auto",
    stats: scope,
    routes: options.routes ?? (() => ({ name: "t", match: () => route })),
    filters: [],
    terminal: path.createRouter({ stats: scope, suppressEnvoyHeaders: false }),
    accessLogs: [(info) => logs.push(info)],
    http1: defaultHttp1Settings,
    http2: defaultHttp2Settings,
    headers: defaultHeaderSettings,
    path: defaultPathSettings,
    timeouts: defaultStreamTimeouts,
    limits: defaultHeadLimits,
    upgrades: new Set(),
    proxy100Continue: false,
    maxRequestsPerConnection: 0,
    clock,
    random: Math.random,
    requestId: () => "11111111-2222-4333-8444-555555555555",
    ...options.config,
  });
  const connections: ServedConnection[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const address = { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
    const localAddress = { address: socket.localAddress ?? "", port: socket.localPort ?? 0 };
    const served = filter({
      socket,
      head: Buffer.alloc(0),
      info: {
        listener: "l",
        direction: "inbound",
        filterChain: "",
        remoteAddress: address,
        directRemoteAddress: address,
        localAddress,
      },
    });
    connections.push(served);
  });
  const port = await listen(server);
  return {
    port,
    logs,
    stats,
    clusters,
    connections,
    close: async () => {
      server.close();
      for (const connection of connections) connection.close();
      clusters.close();
      await once(server, "close");
    },
  };
}

/** For tests: listens on a free port of loopback. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** For tests: a server that is scripted by what it does with each connection. */
export interface TestUpstream {
  readonly port: number;
  /** Heads (and what else has come) of all requests, by connection. */
  readonly received: readonly string[];
  readonly sockets: readonly Socket[];
  close(): Promise<void>;
}

/** For tests: starts an upstream; `onData` gets all bytes of a connection so far, and its number. */
export async function startUpstream(
  onData: (socket: Socket, received: string, connection: number) => void,
): Promise<TestUpstream> {
  const received: string[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    const index = sockets.push(socket) - 1;
    received.push("");
    socket.on("error", () => {}); // resets are part of the tests
    socket.on("data", (bytes) => {
      received[index] += bytes.toString("latin1");
      onData(socket, received[index] ?? "", index);
    });
  });
  const port = await listen(server);
  return {
    port,
    received,
    sockets,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

/** For tests: a response with a body, ready to be written. */
export function response(status: number, body: string, headers: readonly string[] = []): string {
  const lines = [`content-length: ${body.length}`, ...headers].join("\r\n");
  return `HTTP/1.1 ${status} X\r\n${lines}\r\n\r\n${body}`;
}

/** For tests: writes `text` on a fresh connection, and reads until `done` or the end. */
export async function exchange(
  port: number,
  text: string,
  done: (received: string) => boolean = isComplete,
): Promise<string> {
  const socket = openClient(port);
  socket.write(text, "latin1");
  let received = "";
  await new Promise<void>((resolve) => {
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
      if (done(received)) resolve();
    });
    socket.on("close", () => resolve());
  });
  socket.destroy();
  return received;
}

/** True where the first response that is no 1xx is all there, by its content-length. */
export function isComplete(received: string): boolean {
  const final = received.replace(/^(?:HTTP\/1\.1 1\d\d [\s\S]*?\r\n\r\n)+/, "");
  const end = final.indexOf("\r\n\r\n");
  const length = /content-length: (\d+)/i.exec(final)?.[1];
  return end >= 0 && length !== undefined && final.length >= end + 4 + Number(length);
}

/** For tests: a connection of a client that takes a reset for a close. */
export function openClient(port: number): Socket {
  return connect(port, "127.0.0.1").on("error", () => {});
}
