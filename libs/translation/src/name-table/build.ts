import { isIP } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { typeUrls } from "@weft/envoy-api";
import { addressesFor, type Endpoint, endpointsOf, type ProxyView, type Service } from "@weft/mesh-model";
import { type NameTable, NameTableSchema } from "@weft/mesh-rpc/istio/networking/nds/v1/nds_pb.js";
import { serviceRef } from "../context.ts";
import type { IdentityMemo } from "../memo.ts";
import { encodeResource } from "../resources/encode.ts";
import { type ResourceList, toResourceList } from "../resources/resource-list.ts";

/** What the agent answers for one host name. */
interface NameInfo {
  readonly ips: readonly string[];
  readonly registry: string;
  readonly shortname?: string;
  readonly namespace?: string;
}

/** There is one table for a proxy; it has no name of its own. */
const tableName = "nds";

/** Whether the agent of a proxy answers DNS queries (node metadata DNS_CAPTURE). */
function capturesDns({ node }: ProxyView): boolean {
  return node.type === "sidecar" && node.capturesDns;
}

/** The name table of a proxy, as the list that it is sent; empty where its agent has no use for one. */
export function nameTableList(view: ProxyView, memo: IdentityMemo): ResourceList {
  if (!capturesDns(view)) return memo.get([], "no-name-table", () => toResourceList([]));
  const { clusterId, network, ipAddresses } = view.node;
  const families = [...new Set(ipAddresses.map(isIP))].sort();
  return memo.get(
    [view.scope, view.snapshot],
    `name-table|${clusterId}|${network}|${families.join()}`,
    () => {
      const value = toBinary(NameTableSchema, buildNameTable(view));
      const origin = view.scope.services.map(serviceRef);
      return toResourceList([encodeResource(tableName, typeUrls.nameTable, value, origin)]);
    },
  );
}

/**
 * The names of all services a proxy may see, with their addresses. A headless service of Kubernetes has those of its ready endpoints, and
 * its pods have names of their own. What has no address is left to the resolvers that were there before.
 * https://istio.io/latest/docs/ops/configuration/traffic-management/dns-proxy/
 */
export function buildNameTable(view: ProxyView): NameTable {
  const names = new Map<string, NameInfo>();
  for (const service of view.scope.services) {
    const endpoints = isHeadless(service) ? podsOf(view, service) : [];
    for (const endpoint of endpoints) addPod(names, service, endpoint, view.node.clusterId);
    const known = names.get(service.hostname);
    const better = known?.registry === "External" && service.registry === "Kubernetes";
    if (known !== undefined && !better) continue;
    const ips =
      endpoints.length > 0 ? endpoints.map(({ address }) => address) : addressesFor(service, view.node);
    const usable = [...new Set(ips)].filter((ip) => isIP(ip) !== 0);
    if (usable.length > 0) names.set(service.hostname, infoOf(service, usable));
  }
  // A map field is written in the order of its keys: sorted, equal tables are equal bytes.
  const sorted = [...names].sort(([a], [b]) => (a < b ? -1 : 1));
  return create(NameTableSchema, {
    table: Object.fromEntries(sorted.map(([name, { ips, ...info }]) => [name, { ...info, ips: [...ips] }])),
  });
}

function infoOf(service: Service, ips: readonly string[]): NameInfo {
  const { registry, name, namespace } = service;
  // By these the agent answers for the short names as well: reviews, reviews.default, reviews.default.svc.
  return registry === "Kubernetes" ? { ips, registry, shortname: name, namespace } : { ips, registry };
}

function isHeadless({ registry, resolution }: Service): boolean {
  return registry === "Kubernetes" && resolution === "Passthrough";
}

/** The endpoints of a headless service's first port, each address once, that a proxy can reach. */
function podsOf({ snapshot, node }: ProxyView, service: Service): readonly Endpoint[] {
  const [port] = service.ports;
  return endpointsOf(snapshot, service).filter(
    ({ servicePortName, address, network, health }) =>
      servicePortName === (port?.name ?? "") &&
      isIP(address) !== 0 &&
      (health === "HEALTHY" || service.publishNotReadyAddresses === true) &&
      (network === "" || node.network === "" || network === node.network),
  );
}

/** `mysql-0.mysql.default.svc.cluster.local`; of two pods of that name in two clusters, the near one is meant. */
function addPod(names: Map<string, NameInfo>, service: Service, pod: Endpoint, clusterId: string): void {
  if (pod.hostname === undefined) return;
  const name = `${pod.hostname}.${service.hostname}`;
  if (names.has(name) && pod.clusterId !== clusterId) return;
  const { registry, namespace } = service;
  names.set(name, { ips: [pod.address], registry, shortname: `${pod.hostname}.${service.name}`, namespace });
}
