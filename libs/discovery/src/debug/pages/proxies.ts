import { fromBinary, toJson } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { formatObjectRef } from "@weft/base";
import { toEnvoyJson, typeUrls } from "@weft/envoy-api";
import { type ProxyView, viewFor } from "@weft/mesh-model";
import { NameTableSchema } from "@weft/mesh-rpc/istio/networking/nds/v1/nds_pb.js";
import type { EndpointRoute } from "@weft/observability";
import { shortTypeName } from "../../metrics.ts";
import type { ConnectedProxy } from "../../proxies.ts";
import { rejectionsOf } from "../../rejections.ts";
import { toConfigDump } from "../config-dump.ts";
import { toSyncStatus } from "../sync-status.ts";
import { type DebugOptions, meshPage, proxyPage } from "./page.ts";

/** Pages about the connected proxies, and what they are given. */
export function proxyPages(options: DebugOptions): EndpointRoute[] {
  const { engine, instance } = options;
  const all = () => [...engine.proxies.all];
  const resources = (name: string, what: string, typeUrl: string): EndpointRoute => ({
    path: `/debug/${name}`,
    help: `the ${what} of a proxy: ?proxyID=POD.NAMESPACE`,
    handle: proxyPage(options, ({ set }) =>
      [...(set?.ofType(typeUrl).values() ?? [])].map(({ any }) =>
        toEnvoyJson(AnySchema, fromBinary(AnySchema, any)),
      ),
    ),
  });
  return [
    {
      path: "/debug/syncz",
      help: "how far each connected proxy is, by type",
      handle: () => ({ body: all().map((proxy) => toSyncStatus(proxy, instance)) }),
    },
    {
      path: "/debug/config_dump",
      help: "what a proxy should have: ?proxyID=POD.NAMESPACE",
      handle: proxyPage(options, ({ set, connection }) => {
        if (set === undefined) return { configs: [] };
        const status = connection.status();
        // Routes, endpoints: what it asked for by name. Clusters and listeners: all.
        return toConfigDump(set, (typeUrl) => status.find((entry) => entry.typeUrl === typeUrl)?.names);
      }),
    },
    resources("cdsz", "clusters", typeUrls.cluster),
    resources("edsz", "endpoint assignments", typeUrls.endpoint),
    resources("ecdsz", "extension configurations", typeUrls.extensionConfig),
    {
      path: "/debug/ndsz",
      help: "the name table of a proxy: ?proxyID=POD.NAMESPACE",
      handle: proxyPage(options, ({ set }) =>
        [...(set?.ofType(typeUrls.nameTable).values() ?? [])].map(({ any }) =>
          toJson(NameTableSchema, fromBinary(NameTableSchema, fromBinary(AnySchema, any).value)),
        ),
      ),
    },
    {
      path: "/debug/adsz",
      help: "the connected clients and their subscriptions",
      handle: () => ({ body: { totalClients: engine.proxies.all.size, clients: all().map(describe) } }),
    },
    {
      path: "/debug/connections",
      help: "the connected clients",
      handle: () => ({
        body: all().map(({ connection }) => ({
          connectionId: connection.id,
          connectedAt: new Date(connection.connectedAt).toISOString(),
          address: connection.peer,
        })),
      }),
    },
    {
      path: "/debug/instancesz",
      help: "the service ports that each proxy serves",
      handle: meshPage(options, (snapshot) =>
        Object.fromEntries(all().map(({ node }) => [node.id, instancesOf(viewFor(snapshot, node))])),
      ),
    },
    {
      path: "/debug/sidecarz",
      help: "what a proxy may reach: ?proxyID=POD.NAMESPACE",
      handle: proxyPage(options, ({ node }) => {
        const snapshot = engine.snapshot();
        return snapshot === undefined ? {} : toSidecarScope(viewFor(snapshot, node));
      }),
    },
    {
      path: "/debug/authenticationz",
      help: "policies that say whom a proxy takes requests from: ?proxyID=POD.NAMESPACE",
      handle: proxyPage(options, ({ node }) => {
        const snapshot = engine.snapshot();
        const namespaces = [snapshot?.meshConfig.rootNamespace, node.namespace];
        const kinds = ["PeerAuthentication", "RequestAuthentication"];
        return Object.fromEntries(
          kinds.map((kind) => [
            kind,
            (snapshot?.configs.others.get(kind) ?? [])
              .filter(({ namespace }) => namespaces.includes(namespace))
              .map(({ namespace, name, spec }) => ({ namespace, name, spec })),
          ]),
        );
      }),
    },
    {
      path: "/debug/config_distribution",
      help: "the version of each type that each proxy has accepted",
      handle: () => ({
        body: all().map(({ node, connection }) => ({
          proxy: node.id,
          ...Object.fromEntries(
            connection
              .status()
              .map(({ typeUrl, acked }) => [`${shortTypeName(typeUrl)}_acked`, acked?.version ?? ""]),
          ),
        })),
      }),
    },
    {
      path: "/debug/push_status",
      help: "what does not stand at the proxies, and why: not translated, withheld, rejected",
      handle: () => ({ body: pushStatus(all()) }),
    },
    {
      path: "/debug/propagation",
      help: "how long the last changes took until the last proxy had answered for them",
      handle: () => ({
        body: { underWay: engine.propagation.underWay(), recent: engine.propagation.recent.map(toArrival) },
      }),
    },
    {
      path: "/debug/force_disconnect",
      help: "POST ends a proxy's stream, so that it connects anew: ?proxyID=POD.NAMESPACE",
      methods: ["POST"],
      handle: proxyPage(options, ({ connection }) => {
        connection.close("disconnected by an operator");
        return { disconnected: connection.id };
      }),
    },
  ];
}

function toArrival({
  object,
  at,
  ms,
  proxies,
}: DebugOptions["engine"]["propagation"]["recent"][number]): object {
  return {
    object: formatObjectRef(object),
    at: new Date(at).toISOString(),
    ms: Math.round(ms * 10) / 10,
    proxies,
  };
}

function instancesOf({ serviceTargets }: ProxyView): readonly object[] {
  return serviceTargets.map(({ service, port, targetPort }) => ({
    service: service.hostname,
    namespace: service.namespace,
    port: port.port,
    name: port.name,
    targetPort,
  }));
}

function toSidecarScope({ scope }: ProxyView): object {
  const { key, namespace, sidecar, listeners, services, outboundTrafficPolicy } = scope;
  return {
    key,
    namespace,
    ...(sidecar ? { sidecar: `${sidecar.namespace}/${sidecar.name}` } : {}),
    outboundTrafficPolicy,
    egressListeners: listeners.map(({ port, bind, captureMode, virtualServices, ...listener }) => ({
      ...(port ? { port } : {}),
      ...(bind ? { bind } : {}),
      captureMode,
      services: listener.services.map(({ hostname }) => hostname),
      virtualServices: virtualServices.map(({ namespace: home, name }) => `${home}/${name}`),
    })),
    services: services.map(({ hostname }) => hostname),
  };
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
