import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "@weft/base";
import type { Cluster, ClusterSet, Host, Permit } from "../runtime/cluster.ts";
import type {
  AcceptedConnection,
  ConnectionInfo,
  ConnectionWatcher,
  NetworkFilter,
  ServedConnection,
  UpstreamWish,
} from "../runtime/connection.ts";
import type { OnFault } from "../runtime/faults.ts";
import type { StatsScope } from "../runtime/stats.ts";
import { type AccessLogger, type ResponseFlag, StreamInfo } from "../runtime/stream-info.ts";
import { readyEvent } from "../runtime/transport.ts";
import { upstreamIdentity } from "../tls/upstream-identity.ts";
import { relay } from "./relay.ts";

/** A cluster, with what its hosts must be. */
export interface TcpClusterChoice {
  readonly cluster: string;
  readonly subset?: Readonly<Record<string, unknown>>;
}

/** Envoy's TcpProxy, compiled; times in milliseconds, 0 for none. */
export interface TcpProxyConfig {
  /** Chooses the cluster; `random` is uniform in [0, 1). */
  readonly pick: (random: number) => TcpClusterChoice;
  readonly clusters: ClusterSet;
  /** Without a byte either way; an hour in Envoy. */
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  /** Hosts tried before giving up. */
  readonly maxConnectAttempts: number;
  /** Opens a tunnel through the host in place of a connection to it; undefined where the cluster takes no more. */
  readonly tunnel?: (cluster: Cluster, host: Host, info: StreamInfo) => Duplex | undefined;
  /** Hash for consistent hashing. */
  readonly hash?: (info: ConnectionInfo) => bigint;
  readonly accessLogs: readonly AccessLogger[];
  /** Writes a line also when the upstream is connected, and one at each interval (0: none). */
  readonly logsOnConnected: boolean;
  readonly logIntervalMs: number;
  /** The scope `tcp.<stat_prefix>.`. */
  readonly stats: StatsScope;
  /** Told of what threw; the connection it happened to is closed. */
  readonly onFault: OnFault;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Passes bytes between a connection and a cluster. https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/tcp_proxy_filter */
export function createTcpProxy(config: TcpProxyConfig): NetworkFilter {
  return (connection) => new ProxiedConnection(config, connection);
}

class ProxiedConnection implements ServedConnection {
  readonly closed: Promise<void>;
  readonly #config: TcpProxyConfig;
  readonly #downstream: Socket;
  readonly #info: StreamInfo;
  readonly #wish: UpstreamWish | undefined;
  readonly #watchers: readonly ConnectionWatcher[];
  readonly #tried = new Set<Host>();
  /** Chosen once: a further attempt goes to the same cluster. */
  readonly #choice: TcpClusterChoice;
  #upstream: Socket | undefined;
  #permit: Permit | undefined;
  #host: Host | undefined;
  #connected = false;
  #cancelTimers: (() => void)[] = [];

  constructor(config: TcpProxyConfig, { socket, head, info, upstream, watchers = [] }: AcceptedConnection) {
    const { clock, stats } = config;
    this.#config = config;
    this.#downstream = socket;
    this.#wish = upstream;
    this.#watchers = watchers;
    this.#choice = config.pick(config.random());
    this.#info = new StreamInfo(info, clock.now(), clock.monotonic());
    // Either side may finish sending and go on receiving.
    socket.allowHalfOpen = true;
    stats.counter("downstream_cx_total").inc();
    this.closed = new Promise((resolve) => {
      const finish = () => {
        this.#finish();
        resolve();
      };
      if (socket.destroyed) finish();
      else socket.once("close", finish);
    });
    if (config.maxConnectionDurationMs > 0) {
      this.#cancelTimers.push(
        clock.after(config.maxConnectionDurationMs, () => {
          stats.counter("max_downstream_connection_duration").inc();
          this.#fail("DT");
        }),
      );
    }
    this.#connect(head, info);
  }

  /** Bytes have no end of their own to wait for: a drained connection goes on until either side closes it. */
  drain(): void {}

  close(): void {
    this.#upstream?.destroy();
    this.#downstream.destroy();
  }

  #connect(head: Buffer, info: ConnectionInfo): void {
    try {
      this.#attempt(head, info);
    } catch (error) {
      this.#config.onFault(error);
      this.close();
    }
  }

  #attempt(head: Buffer, info: ConnectionInfo): void {
    const { clusters, stats, hash } = this.#config;
    const { subset } = this.#choice;
    const name = this.#wish?.cluster ?? this.#choice.cluster;
    const cluster = clusters.get(name);
    this.#info.upstreamCluster = cluster?.observabilityName ?? name;
    if (cluster === undefined) {
      stats.counter("downstream_cx_no_route").inc();
      this.#fail("NC");
      return;
    }
    const host = cluster.pick({
      tried: this.#tried,
      ...(subset !== undefined && { subset }),
      ...(this.#wish?.dynamicHost !== undefined && { dynamicHost: this.#wish.dynamicHost }),
      ...(hash !== undefined && { hash: hash(info) }),
      ...(info.originalDestination !== undefined && { originalDestination: info.originalDestination }),
    });
    if (host === undefined) {
      cluster.stats.counter("upstream_cx_none_healthy").inc();
      this.#fail("UH");
      return;
    }
    const { tunnel } = this.#config;
    // A tunnel's connection is its pool's.
    if (tunnel === undefined) this.#permit = cluster.acquire("connection");
    const upstream =
      tunnel !== undefined
        ? (tunnel(cluster, host, this.#info) as Socket | undefined) // of a socket no more than a Duplex is needed
        : this.#permit && this.#open(cluster, host, info);
    if (upstream === undefined) {
      this.#fail("UO");
      return;
    }
    this.#dial({ cluster, host, upstream }, head, info);
  }

  #open(cluster: Cluster, host: Host, info: ConnectionInfo): Socket {
    const { remoteAddress: source, localAddress: destination } = info;
    return cluster.connect(
      host,
      undefined,
      undefined,
      cluster.tellsDownstream ? { source, destination } : undefined,
    );
  }

  #dial(
    {
      cluster,
      host,
      upstream,
    }: { readonly cluster: Cluster; readonly host: Host; readonly upstream: Socket },
    head: Buffer,
    info: ConnectionInfo,
  ): void {
    const { clock, maxConnectAttempts } = this.#config;
    this.#tried.add(host);
    this.#host = host;
    host.activeRequests++;
    this.#info.attempts++;
    this.#info.upstreamHost = host;
    this.#upstream = upstream;
    upstream.allowHalfOpen = true;
    const cancel =
      cluster.connectTimeoutMs > 0
        ? clock.after(cluster.connectTimeoutMs, () => {
            cluster.stats.counter("upstream_cx_connect_timeout").inc();
            upstream.destroy(new Error("connect timeout"));
          })
        : () => {};
    const onFailure = (error: Error) => {
      this.#info.upstreamTransportFailure = error.message;
    };
    const onClose = () => {
      cancel();
      cluster.report(host, { kind: "connect-failure" });
      this.#releaseUpstream();
      if (this.#downstream.destroyed) return;
      if (this.#info.attempts < maxConnectAttempts) {
        this.#connect(head, info);
        return;
      }
      cluster.stats.counter("upstream_cx_connect_attempts_exceeded").inc();
      // As Envoy: both, however many attempts are allowed.
      this.#fail("UF", "URX");
    };
    upstream.once("error", onFailure).once("close", onClose);
    upstream.once(readyEvent(upstream), () => {
      cancel();
      upstream.off("error", onFailure).off("close", onClose);
      cluster.report(host, { kind: "response", status: 200 });
      this.#info.upstreamTransportFailure = undefined;
      this.#info.upstreamLocalAddress = {
        address: upstream.localAddress ?? "",
        port: upstream.localPort ?? 0,
      };
      this.#info.upstreamIdentity = upstreamIdentity(upstream);
      // From here on each side closes the other one, after what is still to be written.
      this.#connected = true;
      for (const watcher of this.#watchers) watcher.onConnected(this.#info);
      this.#logWhileOpen();
      upstream.once("close", () => this.#releaseUpstream());
      this.#relay(cluster, upstream, head);
    });
  }

  #relay(cluster: Cluster, upstream: Socket, head: Buffer): void {
    const { clock, idleTimeoutMs, stats } = this.#config;
    const sent = stats.counter("downstream_cx_tx_bytes_total");
    const received = stats.counter("downstream_cx_rx_bytes_total");
    const upstreamSent = cluster.stats.counter("upstream_cx_tx_bytes_total");
    const upstreamReceived = cluster.stats.counter("upstream_cx_rx_bytes_total");
    relay({
      downstream: this.#downstream,
      upstream,
      head,
      idleTimeoutMs,
      clock,
      onDownstreamBytes: (count) => {
        this.#info.bytesReceived += count;
        received.inc(count);
        upstreamSent.inc(count);
      },
      onUpstreamBytes: (count) => {
        this.#info.bytesSent += count;
        sent.inc(count);
        upstreamReceived.inc(count);
      },
      onIdle: () => stats.counter("idle_timeout").inc(),
    });
  }

  #logWhileOpen(): void {
    const { logsOnConnected, logIntervalMs, clock } = this.#config;
    if (logsOnConnected) this.#log();
    if (logIntervalMs === 0) return;
    const again = () => {
      this.#cancelTimers.push(
        clock.after(logIntervalMs, () => {
          this.#cancelTimers.pop();
          this.#log();
          again();
        }),
      );
    };
    again();
  }

  #log(): void {
    for (const log of this.#config.accessLogs) {
      try {
        log(this.#info);
      } catch (error) {
        this.#config.onFault(error);
      }
    }
  }

  #releaseUpstream(): void {
    if (this.#host !== undefined) this.#host.activeRequests--;
    this.#host = undefined;
    this.#permit?.release();
    this.#permit = undefined;
  }

  #fail(...flags: readonly ResponseFlag[]): void {
    for (const flag of flags) this.#info.flags.add(flag);
    this.close();
  }

  #finish(): void {
    for (const cancel of this.#cancelTimers) cancel();
    if (!this.#connected) this.#upstream?.destroy();
    this.#info.ended = this.#config.clock.monotonic();
    for (const watcher of this.#watchers) watcher.onEnd(this.#info);
    this.#log();
  }
}
