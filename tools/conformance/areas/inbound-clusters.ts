import { readFileSync } from "node:fs";
import { join } from "node:path";
import { typeUrls } from "@weft/envoy-api";
import { type Cluster, Cluster_DiscoveryType } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { type Area, failed, type Outcome, passed } from "../area.ts";
import { decode } from "../simulation/decode.ts";
import { reasonOf, resourcesFor } from "../simulation/proxy.ts";

interface InboundCase {
  readonly id: string;
  readonly proxyIP: string;
  readonly inboundTrafficPolicy: string;
  readonly services: readonly {
    readonly hostname: string;
    readonly address: string;
    readonly ports: readonly { readonly name: string; readonly number: number; readonly protocol: string }[];
  }[];
  readonly instances: readonly {
    readonly hostname: string;
    readonly servicePort: number;
    readonly targetPort: number;
    readonly addresses: readonly string[];
  }[];
  readonly configs: readonly { readonly kind: string }[];
  /** Static endpoints by cluster; null: to where the connection was meant for. */
  readonly expectedInboundClusters: Readonly<Record<string, readonly string[] | null>>;
  readonly expectedTelemetryServices: Readonly<Record<string, readonly string[]>>;
}

/** `simulation/inbound-clusters.json`: the clusters towards the own application. */
export const inboundClusters: Area = {
  name: "inbound-clusters",
  folder: "simulation",
  *run(folder) {
    const { cases }: { cases: InboundCase[] } = JSON.parse(
      readFileSync(join(folder, "inbound-clusters.json"), "utf8"),
    );
    for (const one of cases) yield { id: one.id, outcome: judge(one) };
  },
};

function judge(one: InboundCase): Outcome {
  let clusters: Map<string, Cluster>;
  try {
    const resources = resourcesFor({
      texts: objectsOf(one).map((object) => JSON.stringify(object)),
      proxy: { ip: one.proxyIP },
      meshConfig: { inboundTrafficPolicy: { mode: one.inboundTrafficPolicy } },
    });
    clusters = decode<Cluster>(resources, typeUrls.cluster);
  } catch (cause) {
    return failed(reasonOf(cause));
  }
  const inbound = [...clusters].filter(([name]) => name.startsWith("inbound|"));
  const wanted = one.expectedInboundClusters;
  const names = inbound.map(([name]) => name).join();
  if (names !== Object.keys(wanted).sort().join())
    return failed(`wanted ${Object.keys(wanted)}, got ${names}`);
  for (const [name, cluster] of inbound) {
    const got = endpointsOf(cluster);
    const endpoints = wanted[name]?.join() ?? "original destination";
    if (got !== endpoints) return failed(`${name}: wanted ${endpoints}, got ${got}`);
    const services = one.expectedTelemetryServices[name] ?? [];
    const named = servicesOf(cluster);
    if (named.join() !== services.join()) return failed(`${name}: wanted services ${services}, got ${named}`);
  }
  return passed;
}

/** The objects that Kubernetes would have for a case: an EndpointSlice for each instance. */
function objectsOf({ services, instances, configs }: InboundCase): readonly object[] {
  const metadata = (hostname: string) => {
    const [name = "", namespace = ""] = hostname.split(".");
    return { name, namespace };
  };
  return [
    ...services.map(({ hostname, address, ports }) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: metadata(hostname),
      spec: {
        clusterIP: address,
        ports: ports.map(({ name, number, protocol }) => ({
          name,
          port: number,
          appProtocol: protocol.toLowerCase(),
        })),
      },
    })),
    ...instances.map(({ hostname, servicePort, targetPort, addresses }, index) => {
      const { name, namespace } = metadata(hostname);
      const port = services
        .find((one) => one.hostname === hostname)
        ?.ports.find(({ number }) => number === servicePort);
      return {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: `${name}-${index}`, namespace, labels: { "kubernetes.io/service-name": name } },
        addressType: "IPv4",
        endpoints: [{ addresses }],
        ports: [{ name: port?.name ?? "", port: targetPort }],
      };
    }),
    ...configs.map((config) => ({ apiVersion: "networking.istio.io/v1", ...config })),
  ];
}

function endpointsOf({ clusterDiscoveryType: type, loadAssignment }: Cluster): string {
  if (type.value === Cluster_DiscoveryType.ORIGINAL_DST) return "original destination";
  const endpoints = loadAssignment?.endpoints.flatMap(({ lbEndpoints }) => lbEndpoints) ?? [];
  return endpoints
    .map(({ hostIdentifier }) => {
      const address = hostIdentifier.case === "endpoint" ? hostIdentifier.value.address?.address : undefined;
      if (address?.case === "pipe") return address.value.path;
      return address?.case === "socketAddress"
        ? `${address.value.address}:${address.value.portSpecifier.value}`
        : "";
    })
    .join();
}

function servicesOf({ metadata }: Cluster): readonly string[] {
  const services = metadata?.filterMetadata.istio?.services;
  return Array.isArray(services) ? services.map((service) => (service as { host: string }).host) : [];
}
