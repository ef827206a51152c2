import { hostDiscoveryField, type ResourceSet } from "@weft/envoy-api";
import type { Node } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { type NodeInput, type ProxyNode, parseNode } from "@weft/mesh-model";
import type { XdsConnection } from "@weft/xds";
import { nodeKey } from "./push/share.ts";

/** A connected proxy and what pilot knows of it. */
export interface ConnectedProxy {
  readonly connection: XdsConnection;
  readonly node: ProxyNode;
  /** See {@link nodeKey}. */
  readonly nodeKey: string;
  /** What it was last given; undefined before its first push. */
  set: ResourceSet | undefined;
  /** Monotonic time of the oldest change that it has not yet been given; undefined when it is up to date. */
  changedAt: number | undefined;
  /** Monotonic time at which it was put into the queue. */
  queuedAt: number;
  /** Monotonic time of the last push. */
  pushedAt: number;
  /** Why its last translation failed; it has what it had before. */
  failure: string | undefined;
}

/** An xDS node as the mesh model reads it. */
export function toNodeInput(node: Node): NodeInput {
  const { id, metadata, locality, extensions } = node;
  return {
    id,
    ...(metadata === undefined ? {} : { metadata }),
    ...(locality === undefined
      ? {}
      : { locality: { region: locality.region, zone: locality.zone, subzone: locality.subZone } }),
    // Envoy lists all that is compiled in; a client that lists nothing has told nothing.
    ...(extensions.length === 0 ? {} : { extensions: extensions.map((extension) => extension.name) }),
  };
}

/**
 * The client's node, as one that does not ask for virtual hosts as resources where its stream cannot carry them: they are for
 * aggregated incremental streams. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/vhds
 */
function withoutHostDiscovery({ node, mode, typeUrl }: XdsConnection): NodeInput {
  const input = toNodeInput(node);
  if ((mode === "delta" && typeUrl === undefined) || input.metadata === undefined) return input;
  const { [hostDiscoveryField]: _asked, ...metadata } = input.metadata;
  return { ...input, metadata };
}

/** The proxies connected now. */
export interface ProxyRegistry {
  readonly all: ReadonlySet<ConnectedProxy>;
  /** Adds a client; the reason where its node cannot be read. Problems that are no errors are in `warnings`. */
  add(
    connection: XdsConnection,
    now: number,
  ): { proxy: ConnectedProxy; warnings: readonly string[] } | { problem: string };
  remove(proxy: ConnectedProxy): void;
  of(connection: XdsConnection): ConnectedProxy | undefined;
  /** By connection id, node id, `POD.NAMESPACE`, or pod name where that is unique. The newest of several. */
  find(name: string): ConnectedProxy | undefined;
}

/** Creates an empty registry. It is bounded by the xDS server's limit on streams. */
export function createProxyRegistry(): ProxyRegistry {
  const all = new Set<ConnectedProxy>();
  const byConnection = new Map<XdsConnection, ConnectedProxy>();
  return {
    all,
    add: (connection, now) => {
      const { value: node, problems } = parseNode(withoutHostDiscovery(connection));
      const messages = problems.map(({ path, message }) => `${path}: ${message}`);
      if (node === undefined) return { problem: messages.join("; ") };
      const proxy: ConnectedProxy = {
        connection,
        node,
        nodeKey: nodeKey(node),
        set: undefined,
        changedAt: undefined,
        queuedAt: now,
        pushedAt: now,
        failure: undefined,
      };
      all.add(proxy);
      byConnection.set(connection, proxy);
      return { proxy, warnings: messages };
    },
    remove: (proxy) => {
      all.delete(proxy);
      byConnection.delete(proxy.connection);
    },
    of: (connection) => byConnection.get(connection),
    find: (name) => {
      const newestFirst = [...all].reverse();
      return (
        newestFirst.find(({ connection, node }) => connection.id === name || node.id === name) ??
        newestFirst.find(({ node }) => node.name === name) ??
        newestFirst.find(({ node }) => node.podName === name)
      );
    },
  };
}
