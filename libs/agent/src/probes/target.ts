/** Where probes go, and from which address. */
export interface ProbeTarget {
  /** The pod's own address; `localhost` where Istio's REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION asks for it. */
  readonly host: string;
  /** Connections from here are not redirected to the proxy; undefined where nothing is redirected. */
  readonly localAddress: string | undefined;
  /** Keep connections for the next probe; Istio's ENABLE_PROBE_KEEPALIVE_CONNECTIONS. */
  readonly keepAlive: boolean;
}

/** The address of Istio's inbound passthrough: iptables leaves alone what comes from it. */
export const passthroughAddress = "127.0.0.6";

/** What a probe came to: an HTTP status for the kubelet, and the reason where it failed. */
export interface ProbeResult {
  readonly status: number;
  readonly reason?: string;
}
