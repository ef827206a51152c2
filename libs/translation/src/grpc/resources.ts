import { type TypeUrl, typeUrls } from "@weft/envoy-api";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import type { ProxyView } from "@weft/mesh-model";
import { type BuildContext, createContext, hasCertificates, serviceRef } from "../context.ts";
import { authorizationFilters } from "../http-filters/authorization.ts";
import type { Backend, IrPart, LoadAssignment, ProxyIr, RouteTable, VirtualHost } from "../ir/index.ts";
import type { IdentityMemo } from "../memo.ts";
import { backendName } from "../names.ts";
import { ProblemList } from "../problems.ts";
import { encodeChecked, PieceEncoder } from "../resources/encode.ts";
import { type ResourceList, toResourceList } from "../resources/resource-list.ts";
import { type EncodedPiece, withhold } from "../resources/withhold.ts";
import { shortNames } from "../routes/domains.ts";
import { buildAuthorization } from "../security/authorization.ts";
import { mtlsModeOf } from "../security/peer-authentication.ts";
import { eachInSteps, type Steps } from "../steps.ts";
import { toGrpcCluster } from "./cluster.ts";
import { serverListenerPrefix, toApiListener, toServerListener } from "./listener.ts";

/** Whether the node is a gRPC application that speaks xDS itself (node metadata GENERATOR), without a proxy. */
export function isProxyless({ node }: ProxyView): boolean {
  return node.metadata.GENERATOR === "grpc";
}

/**
 * The view that a proxyless client's resources are built from. Nothing intercepts it, so that headless services are balanced over by their
 * endpoints.
 */
export function proxylessView(view: ProxyView): ProxyView {
  return { ...view, node: { ...view.node, interceptionMode: "NONE" } };
}

/**
 * What a gRPC application gets, by type: for each service port that speaks HTTP a listener for each of its names, a route table, clusters
 * and endpoints; and what it asks for as a server. https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md
 */
export function* proxylessLists(
  view: ProxyView,
  ir: ProxyIr,
  memo: IdentityMemo,
): Steps<ReadonlyMap<TypeUrl, readonly ResourceList[]>> {
  const [, shared] = ir.parts;
  if (shared === undefined) return new Map();
  const { dnsDomain } = view.node;
  const encoder = new PieceEncoder(ir.proxy, memo);
  const list = <T>(
    typeUrl: TypeUrl,
    pieces: () => readonly T[],
    encode: (piece: T) => EncodedPiece | readonly EncodedPiece[],
  ) =>
    memo.inSteps([shared], `grpc|${typeUrl}|${dnsDomain}`, function* () {
      return toResourceList(yield* eachInSteps(pieces(), encode));
    });
  const tables = yield* memo.inSteps([shared], `grpc|tables|${dnsDomain}`, () =>
    routeTables(view, shared, memo),
  );
  const assignments = new Map(shared.loadAssignments.map((assignment) => [assignment.name, assignment]));
  const backends = () => shared.backends.filter(({ discovery }) => discovery.kind === "eds");
  const cluster = (backend: Backend) => {
    const assignment = assignments.get(backend.name);
    return memo.get([backend, assignment], "grpc-cluster", () => encodeCluster(backend, assignment));
  };
  const clients = (table: RouteTable) => clientListeners(table, view, memo);
  return new Map([
    [typeUrls.cluster, [yield* list(typeUrls.cluster, backends, cluster)]],
    [
      typeUrls.endpoint,
      [yield* list(typeUrls.endpoint, () => shared.loadAssignments, encoder.loadAssignment)],
    ],
    [
      typeUrls.listener,
      [toResourceList(serverListeners(view, memo)), yield* list(typeUrls.listener, () => tables, clients)],
    ],
    [typeUrls.route, [yield* list(typeUrls.route, () => tables, encoder.routeTable)]],
  ]);
}

function encodeCluster(backend: Backend, assignment: LoadAssignment | undefined): EncodedPiece {
  const { name, origin, tls } = backend;
  const of = { name, typeUrl: typeUrls.cluster, origin };
  if (tls?.kind === "custom") {
    const reason =
      "transport_socket: a gRPC client takes no TLS settings but the mesh's, and plain text is not meant";
    return withhold({ ...of, reason });
  }
  return encodeChecked(ClusterSchema, toGrpcCluster(backend, assignment), of);
}

/** Host and port of the service that a virtual host is for. */
function serviceOf({ name }: VirtualHost): { readonly host: string; readonly port: number } {
  const at = name.lastIndexOf(":");
  return { host: name.slice(0, at), port: Number(name.slice(at + 1)) };
}

/** A table for each service port that speaks HTTP, named as the port's cluster; it takes the names with and without the port. */
function* routeTables(
  { scope }: ProxyView,
  { routes, backends }: IrPart,
  memo: IdentityMemo,
): Steps<readonly RouteTable[]> {
  const reachable = new Set(
    backends.filter(({ discovery }) => discovery.kind === "eds").map(({ name }) => name),
  );
  const tables = new Map<string, RouteTable>();
  for (const table of routes)
    for (const virtualHost of table.virtualHosts) {
      const { host, port } = serviceOf(virtualHost);
      const name = backendName(port, "", host);
      if (!scope.servicesByHostname.has(host) || !reachable.has(name) || tables.has(name)) continue;
      const build = (): RouteTable => {
        const plain = virtualHost.domains.filter((domain) => !domain.endsWith(`:${port}`));
        const domains = plain.flatMap((domain) => [domain, `${domain}:${port}`]);
        return { ...table, name, virtualHosts: [{ ...virtualHost, domains }] };
      };
      tables.set(name, memo.get([virtualHost], `grpc|table|${table.name}`, build));
      if (tables.size % 32 === 0) yield;
    }
  return [...tables.values()];
}

/** A listener for every name that a client may dial: `reviews:9080`, `reviews.default:9080`, … */
function clientListeners(
  { name, virtualHosts }: RouteTable,
  { scope, node }: ProxyView,
  memo: IdentityMemo,
): readonly EncodedPiece[] {
  return virtualHosts.flatMap((virtualHost) => {
    const { host, port } = serviceOf(virtualHost);
    const service = scope.servicesByHostname.get(host);
    if (service === undefined) return [];
    // They are the same whatever becomes of the routes.
    return memo.get([service], `grpc|listeners|${port}|${node.dnsDomain}`, () =>
      [host, ...shortNames(host, node.dnsDomain)].map((dialled) => {
        const target = `${dialled}:${port}`;
        const of = { name: target, typeUrl: typeUrls.listener, origin: [serviceRef(service)] };
        return encodeChecked(ListenerSchema, toApiListener(target, name), of);
      }),
    );
  });
}

/** The addresses that a server may listen on for a port. */
const anyAddress = ["0.0.0.0", "[::]"];

/** A listener for every port that the application serves for a service. */
function serverListeners(view: ProxyView, memo: IdentityMemo): readonly EncodedPiece[] {
  const context: BuildContext = createContext(view, memo, new ProblemList());
  const chain = buildAuthorization(context, "http");
  const filters = authorizationFilters(chain);
  const ports = new Map(view.serviceTargets.map((target) => [target.targetPort, target.service]));
  return [...ports].flatMap(([port, service]) => {
    const subject = { namespace: view.node.namespace, labels: view.labels, port };
    const mode = mtlsModeOf(view.snapshot, subject);
    // gRPC cannot take both: with the mesh's certificates, clients that find them use them.
    const mutualTls = mode === "STRICT" || (mode === "PERMISSIVE" && hasCertificates(view));
    return anyAddress.map((host) => {
      const message = toServerListener({ host, port, mutualTls, authorization: filters });
      const name = `${serverListenerPrefix}${host}:${port}`;
      return encodeChecked(ListenerSchema, message, {
        name,
        typeUrl: typeUrls.listener,
        origin: [serviceRef(service)],
      });
    });
  });
}
