import { fromBinary, toJson } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { formatObjectRef } from "@weft/base";
import { toEnvoyJson, typeUrls } from "@weft/envoy-api";
import { type Config, endpointsOf, type Store } from "@weft/mesh-model";
import { NameTableSchema } from "@weft/mesh-rpc/istio/networking/nds/v1/nds_pb.js";
import type { EndpointReply, EndpointRoute } from "@weft/observability";
import type { Engine } from "../engine.ts";
import { shortTypeName } from "../metrics.ts";
import type { ConnectedProxy } from "../proxies.ts";
import { rejectionsOf } from "../rejections.ts";
import { toConfigDump } from "./config-dump.ts";
import { toSyncStatus } from "./sync-status.ts";

/** What the debug pages show. */
export interface DebugOptions {
  readonly engine: Engine;
  readonly store: Store;
  /** Name of this pilot. */
  readonly instance: string;
}

const notReady: EndpointReply = { status: 503, body: "not ready: no snapshot of the mesh yet\n" };

/** The debug pages, under Istio's paths; `/debug` lists them. */
export function debugRoutes(options: DebugOptions): EndpointRoute[] {
  const { engine, store, instance } = options;
  const withProxy = (show: (proxy: ConnectedProxy) => object): EndpointRoute["handle"] => {
    return ({ query }) => {
      const name = query.get("proxyID");
      if (name === null) return { status: 400, body: "name a proxy: ?proxyID=POD.NAMESPACE\n" };
      const proxy = engine.proxies.find(name);
      if (proxy !== undefined) return { body: show(proxy) };
      const known = [...engine.proxies.all].map(({ node }) => node.name).sort();
      return {
        status: 404,
        body: `no proxy ${name} is connected to ${instance}; there is ${known.join(", ") || "none"}\n`,
      };
    };
  };
  const pages: EndpointRoute[] = [
    {
      path: "/debug/syncz",
      help: "how far each connected proxy is, by type",
      handle: () => ({ body: [...engine.proxies.all].map((proxy) => toSyncStatus(proxy, instance)) }),
    },
    {
      path: "/debug/registryz",
      help: "the services of the mesh",
      handle: () => {
        const snapshot = engine.snapshot();
        return snapshot === undefined ? notReady : { body: snapshot.services.all };
      },
    },
    {
      path: "/debug/endpointz",
      help: "the endpoints of every service",
      handle: () => {
        const snapshot = engine.snapshot();
        if (snapshot === undefined) return notReady;
        return {
          body: snapshot.services.all.map((service) => ({
            service: service.hostname,
            namespace: service.namespace,
            endpoints: endpointsOf(snapshot, service),
          })),
        };
      },
    },
    {
      path: "/debug/configz",
      help: "the Istio configuration in use",
      handle: () => {
        const snapshot = engine.snapshot();
        if (snapshot === undefined) return notReady;
        const { others, ...typed } = snapshot.configs;
        const all: readonly Config<unknown>[] = [
          ...Object.values(typed).flat(),
          ...[...others.values()].flat(),
        ];
        return { body: all.map(toObject) };
      },
    },
    {
      path: "/debug/mesh",
      help: "the mesh configuration",
      handle: () => {
        const snapshot = engine.snapshot();
        return snapshot === undefined ? notReady : { body: snapshot.meshConfig };
      },
    },
    {
      path: "/debug/problems",
      help: "what is wrong with the configuration, by source",
      handle: () => ({ body: store.problems() }),
    },
    {
      path: "/debug/config_dump",
      help: "what a proxy should have: ?proxyID=POD.NAMESPACE",
      handle: withProxy(({ set, connection }) => {
        if (set === undefined) return { configs: [] };
        const status = connection.status();
        // Routes, endpoints: what it asked for by name. Clusters and listeners: all.
        return toConfigDump(set, (typeUrl) => status.find((entry) => entry.typeUrl === typeUrl)?.names);
      }),
    },
    {
      path: "/debug/edsz",
      help: "the endpoint assignments of a proxy: ?proxyID=POD.NAMESPACE",
      handle: withProxy(({ set }) =>
        [...(set?.ofType(typeUrls.endpoint).values() ?? [])].map(({ any }) =>
          toEnvoyJson(AnySchema, fromBinary(AnySchema, any)),
        ),
      ),
    },
    {
      path: "/debug/ndsz",
      help: "the name table of a proxy: ?proxyID=POD.NAMESPACE",
      handle: withProxy(({ set }) =>
        [...(set?.ofType(typeUrls.nameTable).values() ?? [])].map(({ any }) =>
          toJson(NameTableSchema, fromBinary(NameTableSchema, fromBinary(AnySchema, any).value)),
        ),
      ),
    },
    {
      path: "/debug/adsz",
      help: "the connected clients and their subscriptions",
      handle: () => ({
        body: { totalClients: engine.proxies.all.size, clients: [...engine.proxies.all].map(describe) },
      }),
    },
    {
      path: "/debug/connections",
      help: "the connected clients",
      handle: () => ({
        body: [...engine.proxies.all].map(({ connection }) => ({
          connectionId: connection.id,
          connectedAt: new Date(connection.connectedAt).toISOString(),
          address: connection.peer,
        })),
      }),
    },
    {
      path: "/debug/push_status",
      help: "what does not stand at the proxies, and why: not translated, withheld, rejected",
      handle: () => ({ body: pushStatus([...engine.proxies.all]) }),
    },
  ];
  const index = pages.map(({ path, help }) => `${path.padEnd(24)}${help ?? ""}`).join("\n");
  return [{ path: "/debug", help: "this list", handle: () => ({ body: `${index}\n` }) }, ...pages];
}

/** What hinders pushes now: by what hindered them, then by what it is about. */
function pushStatus(proxies: readonly ConnectedProxy[]): object {
  const rejections = rejectionsOf(proxies).map(({ object, ...rest }) => ({
    ...rest,
    ...(object ? { object: formatObjectRef(object) } : {}),
  }));
  const failed = proxies.flatMap(({ node, failure }) => (failure === undefined ? [] : [[node.id, failure]]));
  return {
    translation_failed: Object.fromEntries(failed),
    withheld: rejections.filter(({ kind }) => kind === "withheld"),
    nacked: rejections.filter(({ kind }) => kind === "nacked"),
  };
}

function describe({ connection, node, set }: ConnectedProxy): object {
  return {
    connectionId: connection.id,
    node: node.id,
    address: connection.peer,
    mode: connection.mode,
    connectedAt: new Date(connection.connectedAt).toISOString(),
    version: set?.version,
    types: connection.status().map(({ typeUrl, state, sent, acked, nacked, names }) => ({
      type: shortTypeName(typeUrl),
      state,
      sent,
      acked,
      nacked,
      resources: names === undefined ? "*" : [...names],
    })),
  };
}

/** A configuration object in the shape of Kubernetes. */
function toObject({
  apiVersion,
  kind,
  name,
  namespace,
  labels,
  annotations,
  createdAt,
  spec,
}: Config<unknown>): object {
  const created = createdAt === 0 ? {} : { creationTimestamp: new Date(createdAt).toISOString() };
  return { apiVersion, kind, metadata: { name, namespace, labels, annotations, ...created }, spec };
}
