import { isTrue } from "./annotations.ts";
import type { Container, InjectionMeshConfig, Pod } from "./types.ts";

/** Where the application's own metrics are, as its annotations say. */
export interface ScrapeConfiguration {
  readonly scrape: string;
  readonly path: string;
  readonly port: string;
  readonly targets?: readonly ScrapeTarget[];
}

/** One of several places. */
export interface ScrapeTarget {
  readonly port: string;
  readonly path: string;
}

/** The agent's status port in the mesh's default configuration, where it serves all metrics together. */
const mergedPort = "15020";
const mergedPath = "/stats/prometheus";

const targetsAnnotation = "prometheus.istio.io/scrape-targets";

type Annotations = Readonly<Record<string, string>>;

/** Annotations are known by their letters: `prometheus.io/scrape` and `prometheus.io.scrape` are one. */
function prometheus(annotations: Annotations, end: string): string | undefined {
  const wanted = `prometheus_io_${end}`;
  return Object.entries(annotations).find(([name]) => name.replace(/[^a-zA-Z0-9_]/g, "_") === wanted)?.[1];
}

/** Whether metrics are merged: the pod's word, else the mesh's. */
export function mergesMetrics(mesh: InjectionMeshConfig, annotations: Annotations): boolean {
  const said = annotations["prometheus.istio.io/merge-metrics"];
  if (said !== undefined && /^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(said))
    return isTrue(said);
  return mesh.enablePrometheusMerge ?? true;
}

/** What the agent is told of the application's metrics. */
export function scrapeConfiguration(annotations: Annotations): ScrapeConfiguration {
  const targets = (annotations[targetsAnnotation] ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(target);
  const [first] = targets;
  return {
    scrape: prometheus(annotations, "scrape") ?? "",
    path: prometheus(annotations, "path") ?? first?.path ?? "",
    port: prometheus(annotations, "port") ?? first?.port ?? "",
    ...(targets.length > 0 ? { targets } : {}),
  };
}

/** `9100:/custom`, or `9100`. */
function target(text: string): ScrapeTarget {
  const colon = text.indexOf(":");
  return colon < 0
    ? { port: text, path: "/metrics" }
    : { port: text.slice(0, colon), path: text.slice(colon + 1) || "/metrics" };
}

/** Lets Prometheus scrape the agent, which has the proxy's metrics and the application's in one. */
export function mergePrometheus(pod: Pod, mesh: InjectionMeshConfig): Pod {
  const annotations = pod.metadata?.annotations ?? {};
  const scrape = prometheus(annotations, "scrape");
  if (scrape !== undefined && !isTrue(scrape)) return pod;
  if (!mergesMetrics(mesh, annotations) || prometheus(annotations, "port") === mergedPort) return pod;
  const configuration = scrapeConfiguration(annotations);
  const says = Object.values(configuration).some((part) => part !== "");
  const variable = { name: "ISTIO_PROMETHEUS_ANNOTATIONS", value: JSON.stringify(configuration) };
  const tell = (container: Container): Container =>
    says && container.name === "istio-proxy"
      ? { ...container, env: [...(container.env ?? []), variable] }
      : container;
  const { containers, initContainers } = pod.spec ?? {};
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: {
        // The agent has been told; Prometheus is to ask the agent alone.
        ...Object.fromEntries(Object.entries(annotations).filter(([name]) => name !== targetsAnnotation)),
        "prometheus.io/port": mergedPort,
        "prometheus.io/path": mergedPath,
        "prometheus.io/scrape": "true",
      },
    },
    spec: {
      ...pod.spec,
      ...(containers ? { containers: containers.map(tell) } : {}),
      ...(initContainers ? { initContainers: initContainers.map(tell) } : {}),
    },
  };
}
