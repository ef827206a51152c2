import { typeUrls } from "@weft/envoy-api";
import { describeRejected } from "../blame.ts";
import { shortTypeName } from "../metrics.ts";
import type { ConnectedProxy } from "../proxies.ts";

/** One entry of `/debug/syncz`, in the shape that istioctl's proxy-status reads; nonces of the last response sent and accepted. */
export interface SyncStatus {
  readonly cluster_id: string;
  readonly proxy: string;
  readonly proxy_type: string;
  readonly istio_version?: string;
  readonly cluster_sent?: string;
  readonly cluster_acked?: string;
  readonly listener_sent?: string;
  readonly listener_acked?: string;
  readonly route_sent?: string;
  readonly route_acked?: string;
  /** Weft's own: of proxies that take virtual hosts as resources. */
  readonly virtualhost_sent?: string;
  readonly virtualhost_acked?: string;
  readonly endpoint_sent?: string;
  readonly endpoint_acked?: string;
  readonly extensionconfig_sent?: string;
  readonly extensionconfig_acked?: string;
  /** Weft's own: the pilot it is connected to. */
  readonly pilot: string;
  /** Weft's own: what the proxy rejected last and which objects that was made from, by short type name. */
  readonly nacks: Readonly<Record<string, string>>;
}

const prefixes: readonly (readonly [typeUrl: string, prefix: string])[] = [
  [typeUrls.cluster, "cluster"],
  [typeUrls.listener, "listener"],
  [typeUrls.route, "route"],
  [typeUrls.virtualHost, "virtualhost"],
  [typeUrls.endpoint, "endpoint"],
  [typeUrls.extensionConfig, "extensionconfig"],
];

/** The sync status of a proxy. A proxy that asked by names for none is in sync: there is nothing to send it. */
export function toSyncStatus(proxy: ConnectedProxy, pilot: string): SyncStatus {
  const { node, connection } = proxy;
  const status = connection.status();
  const nonces: Record<string, string> = {};
  for (const [typeUrl, prefix] of prefixes) {
    const found = status.find((entry) => entry.typeUrl === typeUrl);
    if (found?.sent !== undefined) nonces[`${prefix}_sent`] = found.sent.nonce;
    if (found?.acked !== undefined) nonces[`${prefix}_acked`] = found.acked.nonce;
  }
  const rejecting = status.filter(({ nacked }) => nacked !== undefined);
  return {
    cluster_id: node.clusterId,
    proxy: node.name,
    proxy_type: node.type,
    ...(node.istioVersion === undefined ? {} : { istio_version: node.istioVersion }),
    ...nonces,
    pilot,
    nacks: Object.fromEntries(
      rejecting.map((type) => [shortTypeName(type.typeUrl), describeRejected(type, proxy.set)]),
    ),
  };
}
