import { contentHash, stableStringify } from "@weft/base";
import type { EnvoyFilter } from "@weft/istio-api";
import {
  type Config,
  endpointsOf,
  type MeshSnapshot,
  type ProxyNode,
  type ProxyView,
} from "@weft/mesh-model";

/**
 * What tells replicas of one workload apart and no resource is made from. Translation that begins to use one of these must take it
 * out of here; addresses are looked at in {@link addressesMatter}.
 */
const perReplica: ReadonlySet<string> = new Set(["NAME", "OWNER", "NODE_NAME", "INSTANCE_IPS"]);

/** The part of a node that its resources may depend on, but for its addresses, as a key. */
export function nodeKey(node: ProxyNode): string {
  const { id: _id, name: _name, podName: _pod, ipAddresses: _addresses, metadata, ...rest } = node;
  const shared = Object.entries(metadata).filter(([field]) => !perReplica.has(field));
  return contentHash(stableStringify([rest, Object.fromEntries(shared)]));
}

/**
 * A key for what belongs to one proxy: views of one snapshot whose keys are equal give equal resources. What a proxy may reach is in
 * the scope's key, what it serves in its targets and its workload. `headless`: {@link headlessAddresses}.
 */
export function viewKey(view: ProxyView, keyOfNode: string, headless: () => ReadonlySet<string>): string {
  const { node, scopeKey, serviceTargets, gateways, labels, workload } = view;
  const targets = serviceTargets.map(({ service, port, targetPort }) => [
    service.namespace,
    service.hostname,
    port.port,
    targetPort,
  ]);
  const pod = workload && { labels: workload.labels, name: workload.name, locality: workload.locality };
  const ports = workload?.containerPorts;
  const gatewayNames = gateways.map(({ namespace, name }) => [namespace, name]);
  const addresses = addressesMatter(view, headless) ? node.ipAddresses : [];
  const asked = metadataAskedFor(view.snapshot).map((field) => node.metadata[field]);
  return contentHash(
    stableStringify([keyOfNode, addresses, scopeKey, labels, pod, ports, targets, gatewayNames, asked]),
  );
}

/** What EnvoyFilters ask of a proxy's metadata that tells replicas apart. */
function metadataAskedFor(snapshot: MeshSnapshot): readonly string[] {
  return snapshot.memo.get("envoy-filter-metadata", () => {
    const filters = (snapshot.configs.others.get("EnvoyFilter") ?? []) as readonly Config<EnvoyFilter>[]; // checked by schema
    const asked = filters.flatMap(({ spec }) =>
      (spec.configPatches ?? []).flatMap(({ match }) => Object.keys(match?.proxy?.metadata ?? {})),
    );
    return [...perReplica].filter((field) => asked.includes(field));
  });
}

/**
 * Whether the proxy's own addresses are in its resources: where its listeners bind them, where its Sidecar says what it takes in, and
 * where it is itself among the endpoints of a headless service, for which a proxy listens on every address but its own.
 */
function addressesMatter({ node, scope }: ProxyView, headless: () => ReadonlySet<string>): boolean {
  if (node.interceptionMode === "NONE" || (scope.sidecar?.spec.ingress?.length ?? 0) > 0) return true;
  return node.ipAddresses.some((address) => headless().has(address));
}

/** The addresses of the endpoints of all headless services; computed once for a snapshot. */
export function headlessAddresses(snapshot: MeshSnapshot): ReadonlySet<string> {
  const headless = snapshot.services.all.filter(({ resolution }) => resolution === "Passthrough");
  return new Set(headless.flatMap((service) => endpointsOf(snapshot, service).map(({ address }) => address)));
}
