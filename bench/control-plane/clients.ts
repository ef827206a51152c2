// Proxies as far as xDS goes, in a process of their own: each subscribes as Envoy does, and accepts what comes.
import { fromBinary } from "@bufbuild/protobuf";
import { hostDiscoveryField, toEnvoyJson, typeUrls } from "@weft/envoy-api";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { accept, createXdsClient, type ReceivedResource } from "@weft/xds";
import { type ClientMode, type FromClients, type ToClients, timeNow } from "./messages.ts";

const reportMs = 20;
/** What a change leaves in a resource, see objects.ts: the value of a header, or an address. */
const markPattern = /round-\d+|10\.2[0-4]\d\.\d+\.\d+/g;
const state = { complete: 0, lastAt: 0, marks: [] as [string, number][], fresh: false };
/** Tables that a listener asks for and marks of a resource, by its version: all proxies get much the same. */
const tables = new Map<string, readonly string[]>();
const marks = new Map<string, readonly string[]>();

function known<T>(cache: Map<string, T>, { version }: ReceivedResource, make: () => T): T {
  const result = cache.get(version) ?? make();
  if (cache.size > 100_000) cache.clear();
  cache.set(version, result);
  return result;
}

function tablesOf(listener: ReceivedResource): readonly string[] {
  return known(tables, listener, () => {
    const json = JSON.stringify(toEnvoyJson(ListenerSchema, fromBinary(ListenerSchema, listener.value)));
    return [...json.matchAll(/"route_config_name":"([^"]+)"/g)].map(([, name = ""]) => name);
  });
}

function marksOf(resource: ReceivedResource): readonly string[] {
  return known(marks, resource, () => [
    ...new Set(Buffer.from(resource.value).toString("latin1").match(markPattern)),
  ]);
}

function connect(options: {
  readonly port: number;
  readonly mode: ClientMode;
  readonly namespace: string;
  readonly number: number;
}): void {
  const { port, mode, namespace, number } = options;
  const address = `10.250.${number >> 8}.${number & 255}`;
  const client = createXdsClient({
    address: `127.0.0.1:${port}`,
    mode: mode === "sotw" ? "sotw" : "delta",
    node: {
      id: `sidecar~${address}~load-${number}.${namespace}~${namespace}.svc.cluster.local`,
      metadata: {
        NAMESPACE: namespace,
        CLUSTER_ID: "Kubernetes",
        ISTIO_VERSION: "1.29.0",
        INSTANCE_IPS: address,
        LABELS: { app: "load" },
        INTERCEPTION_MODE: "REDIRECT",
        [hostDiscoveryField]: String(mode === "vhds"),
      },
    },
  });
  const seen = new Set<string>();
  const marked = new Set<string>();
  const types = mode === "vhds" ? 5 : 4;
  const got = (typeUrl: string, changed: ReadonlyMap<string, ReceivedResource>) => {
    const at = timeNow();
    state.lastAt = at;
    state.fresh = true;
    if (!seen.has(typeUrl) && seen.add(typeUrl).size === types) state.complete++;
    for (const resource of changed.values()) {
      // A table tells its older marks again whenever a newer one comes.
      for (const mark of marksOf(resource)) {
        if (marked.has(mark)) continue;
        marked.add(mark);
        state.marks.push([mark, at]);
      }
    }
    return accept;
  };
  const names = { clusters: new Set<string>(), tables: new Set<string>() };
  const endpoints = client.subscribe(typeUrls.endpoint, {
    names: [],
    onUpdate: ({ changed }) => got(typeUrls.endpoint, changed),
  });
  const routes = client.subscribe(typeUrls.route, {
    names: [],
    onUpdate: ({ changed }) => {
      // As Envoy, once a table says that its hosts are to be asked for.
      if (mode === "vhds" && !seen.has(typeUrls.route)) {
        client.subscribe(typeUrls.virtualHost, {
          names: "*",
          onUpdate: (hosts) => got(typeUrls.virtualHost, hosts.changed),
        });
      }
      return got(typeUrls.route, changed);
    },
  });
  client.subscribe(typeUrls.cluster, {
    names: "*",
    onUpdate: ({ changed }) => {
      const before = names.clusters.size;
      for (const name of changed.keys()) if (name.startsWith("outbound|")) names.clusters.add(name);
      if (names.clusters.size > before) endpoints.setNames(names.clusters);
      return got(typeUrls.cluster, changed);
    },
  });
  client.subscribe(typeUrls.listener, {
    names: "*",
    onUpdate: ({ changed }) => {
      const before = names.tables.size;
      for (const listener of changed.values()) for (const name of tablesOf(listener)) names.tables.add(name);
      if (names.tables.size > before) routes.setNames(names.tables);
      return got(typeUrls.listener, changed);
    },
  });
}

setInterval(() => {
  if (!state.fresh) return;
  const { complete, lastAt } = state;
  const report: FromClients = { complete, lastAt, marks: state.marks.splice(0) };
  state.fresh = false;
  process.send?.(report);
}, reportMs);
process.on("message", ({ port, mode, namespaces }: ToClients) => {
  for (const [number, namespace] of namespaces.entries()) connect({ port, mode, namespace, number });
});
process.on("disconnect", () => process.exit());
