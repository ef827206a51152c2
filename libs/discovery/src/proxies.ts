import { hostDiscoveryField, type ResourceSet } from "@weft/envoy-api";
import type { Node } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { type NodeInput, type ProxyNode, parseNode } from "@weft/mesh-model";
import { parseWorkloadIdentity } from "@weft/pki";
import type { XdsConnection } from "@weft/xds";
import type { ViewGroup } from "./push/groups.ts";
import { nodeKey } from "./push/share.ts";

/** A connected proxy and what pilot knows of it. */
export interface ConnectedProxy {
  readonly connection: XdsConnection;
  readonly node: ProxyNode;
  /** See {@link nodeKey}. */
  readonly nodeKey: string;
  /** Where it belongs; undefined before its first push. */
  group: ViewGroup | undefined;
  /** Whether it is to be looked up anew where it belongs. */
  unplaced: boolean;
  /** Namespace of its pod, or its own: that of the services it serves. */
  servesIn: string;
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
function withoutHostDiscovery({ node, mode, typeUrl, identity }: XdsConnection): NodeInput {
  const input = { ...toNodeInput(node), ...verified(identity) };
  if ((mode === "delta" && typeUrl === undefined) || input.metadata === undefined) return input;
  const { [hostDiscoveryField]: _asked, ...metadata } = input.metadata;
  return { ...input, metadata };
}

/** What secrets a client may have depends on the identity that it has proved, never on what it says. */
function verified(identity: string | undefined): Pick<NodeInput, "verifiedNamespace"> {
  return identity === undefined ? {} : { verifiedNamespace: parseWorkloadIdentity(identity).namespace };
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
  /** Those with this address. */
  at(address: string): Iterable<ConnectedProxy>;
  /** Those that say they are in this pod. */
  ofPod(namespace: string, name: string): Iterable<ConnectedProxy>;
  /** By connection id, node id, `POD.NAMESPACE`, or pod name where that is unique. The newest of several. */
  find(name: string): ConnectedProxy | undefined;
}

function podKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

const none: ReadonlySet<ConnectedProxy> = new Set();

/** Proxies by something they have in common. */
class Groups {
  readonly #groups = new Map<string, Set<ConnectedProxy>>();

  get(key: string): ReadonlySet<ConnectedProxy> {
    return this.#groups.get(key) ?? none;
  }

  add(key: string, proxy: ConnectedProxy): void {
    const group = this.#groups.get(key);
    if (group) group.add(proxy);
    else this.#groups.set(key, new Set([proxy]));
  }

  delete(key: string, proxy: ConnectedProxy): void {
    const group = this.#groups.get(key);
    group?.delete(proxy);
    if (group?.size === 0) this.#groups.delete(key);
  }
}

/** Creates an empty registry. It is bounded by the xDS server's limit on streams. */
export function createProxyRegistry(): ProxyRegistry {
  const all = new Set<ConnectedProxy>();
  const byConnection = new Map<XdsConnection, ConnectedProxy>();
  const byAddress = new Groups();
  const byPod = new Groups();
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
        group: undefined,
        unplaced: true,
        servesIn: node.namespace,
        set: undefined,
        changedAt: undefined,
        queuedAt: now,
        pushedAt: now,
        failure: undefined,
      };
      all.add(proxy);
      byConnection.set(connection, proxy);
      for (const address of node.ipAddresses) byAddress.add(address, proxy);
      byPod.add(podKey(node.namespace, node.podName), proxy);
      return { proxy, warnings: messages };
    },
    remove: (proxy) => {
      all.delete(proxy);
      byConnection.delete(proxy.connection);
      const { ipAddresses, namespace, podName } = proxy.node;
      for (const address of ipAddresses) byAddress.delete(address, proxy);
      byPod.delete(podKey(namespace, podName), proxy);
    },
    of: (connection) => byConnection.get(connection),
    at: (address) => byAddress.get(address),
    ofPod: (namespace, name) => byPod.get(podKey(namespace, name)),
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
