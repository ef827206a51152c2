import { contentHash } from "@weft/base";
import { LocalMeshError } from "./errors.ts";
import type { LocalImages } from "./local-settings.ts";
import type { SourcedManifest } from "./manifests.ts";

/** A port that a container listens on in its pod. */
export interface ContainerPort {
  readonly name: string;
  readonly port: number;
  /** `HTTP`, `TCP` …: what the Service that leads here says. */
  readonly protocol: string;
}

/** A process that stands for a container. */
export interface ContainerProcess {
  readonly name: string;
  readonly command: readonly string[];
  readonly workingDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly ports: readonly ContainerPort[];
  /** Path and port to ask until it answers 2xx or 3xx; absent where the port alone tells. */
  readonly readiness?: { readonly path: string; readonly port: number };
}

/** One pod to run here. */
export interface Workload {
  /** Pod name, `<deployment>-<hash>-<hash>` as in a cluster, but the same on every start. */
  readonly name: string;
  readonly namespace: string;
  readonly deployment: string;
  /** For tables: the Deployment's name, with a number where it has several pods. */
  readonly title: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly containers: readonly ContainerProcess[];
}

/** The parts of a Deployment that matter here. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/ */
interface DeploymentSpec {
  readonly replicas?: number;
  readonly template?: {
    readonly metadata?: { readonly labels?: Record<string, string> };
    readonly spec?: { readonly serviceAccountName?: string; readonly containers?: readonly Container[] };
  };
}

interface Container {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly {
    readonly name?: string;
    readonly containerPort: number;
    readonly protocol?: string;
  }[];
  readonly readinessProbe?: {
    readonly httpGet?: { readonly path?: string; readonly port?: number | string };
  };
}

interface ServiceSpec {
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports?: readonly {
    readonly name?: string;
    readonly port: number;
    readonly targetPort?: number | string;
    readonly appProtocol?: string;
    readonly protocol?: string;
  }[];
}

/** Tells replicas apart, so that each can have a Sidecar of its own. Kubernetes sets it on the pods of StatefulSets. */
const podNameLabel = "statefulset.kubernetes.io/pod-name";

/** Kubernetes sets it on the pods of Deployments; the mesh tells a pod's Deployment by it. */
export const templateHashLabel = "pod-template-hash";

/** Istio sets it on the pods that it injects: whether they take the mesh's mutual TLS, `istio` or `disabled`. */
export const tlsModeLabel = "security.istio.io/tlsMode";

/** Most pods that one machine is asked to run. */
const maxWorkloads = 100;

/**
 * Derives the pods to run from Deployments, the Services that lead to them, and how their images run here.
 *
 * @throws LocalMeshError for a container that nothing says how to run, and for too many pods.
 */
export function planWorkloads(manifests: readonly SourcedManifest[], images: LocalImages): Workload[] {
  const services = manifests.filter(({ object }) => object.kind === "Service").map(({ object }) => object);
  const workloads = manifests
    .filter(({ object }) => object.kind === "Deployment")
    .flatMap((manifest) => {
      const { metadata } = manifest.object;
      const namespace = metadata.namespace ?? "default";
      const spec = (manifest.object.spec ?? {}) as DeploymentSpec;
      const labels = spec.template?.metadata?.labels ?? {};
      const protocols = services
        .filter((service) => (service.metadata.namespace ?? "default") === namespace)
        .map((service) => (service.spec ?? {}) as ServiceSpec)
        .filter((service) => selects(service.selector, labels));
      const containers = (spec.template?.spec?.containers ?? []).map((container) =>
        planContainer(container, protocols, images, manifest),
      );
      const template = shortHash(`${namespace}/${metadata.name}`, 9);
      const replicas = spec.replicas ?? 1;
      return Array.from({ length: replicas }, (_, index): Workload => {
        const name = `${metadata.name}-${template}-${shortHash(`${namespace}/${metadata.name}/${index}`, 5)}`;
        return {
          name,
          namespace,
          deployment: metadata.name,
          title: replicas === 1 ? metadata.name : `${metadata.name} ${index + 1}`,
          serviceAccount: spec.template?.spec?.serviceAccountName ?? "default",
          labels: { [tlsModeLabel]: "istio", ...labels, [templateHashLabel]: template, [podNameLabel]: name },
          containers,
        };
      });
    });
  if (workloads.length > maxWorkloads) {
    throw new LocalMeshError(
      "too-many-workloads",
      `${workloads.length} pods asked for; at most ${maxWorkloads} run here`,
    );
  }
  return workloads;
}

/** Whether a Service's selector takes a pod with `labels`; a Service without a selector takes none. */
export function selects(
  selector: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  const wanted = Object.entries(selector ?? {});
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}

function planContainer(
  container: Container,
  services: readonly ServiceSpec[],
  images: LocalImages,
  { object, file, line }: SourcedManifest,
): ContainerProcess {
  const image = images.get(container.image ?? "");
  const command = [...(container.command ?? image?.command ?? []), ...(container.args ?? [])];
  if (image === undefined || command.length === 0) {
    const missing =
      image === undefined ? "local.yaml has no such image" : "neither it nor local.yaml has a command";
    throw new LocalMeshError(
      "image-not-local",
      `${file}:${line}: Deployment ${object.metadata.name}: container ${container.name} of image ${container.image} ` +
        `cannot run here: ${missing}. local.yaml beside the manifests says how: ` +
        `images: {"${container.image}": {workingDir: DIR, command: [PROGRAM, ...]}}`,
    );
  }
  const ports = (container.ports ?? [])
    .filter(({ protocol = "TCP" }) => protocol === "TCP")
    .map(({ name = "", containerPort: port }) => ({
      name,
      port,
      protocol: protocolOf(services, name, port),
    }));
  const probe = container.readinessProbe?.httpGet;
  const probed = ports.find(({ name, port }) => probe?.port === port || probe?.port === name);
  return {
    name: container.name,
    command,
    workingDir: image.workingDir,
    env: {
      ...image.env,
      ...Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value ?? ""])),
    },
    ports,
    ...(probed !== undefined && { readiness: { path: probe?.path ?? "/", port: probed.port } }),
  };
}

/** `length` characters, as Kubernetes ends the names of what it generates. */
function shortHash(text: string, length: number): string {
  return contentHash(text)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "x")
    .slice(0, length);
}

const sidecarProtocols = ["HTTP", "HTTP2", "GRPC", "HTTPS", "TLS", "MONGO"];

/**
 * The protocol of the service port that leads to a container port, by appProtocol or the prefix of its name, as Istio
 * selects it; TCP where that says nothing.
 * https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
 */
function protocolOf(services: readonly ServiceSpec[], name: string, port: number): string {
  for (const service of services) {
    for (const servicePort of service.ports ?? []) {
      const target = servicePort.targetPort ?? servicePort.port;
      if (target !== port && (name === "" || target !== name)) continue;
      const said = (servicePort.appProtocol ?? servicePort.name?.split("-")[0] ?? "").toUpperCase();
      return sidecarProtocols.includes(said) ? said : "TCP";
    }
  }
  return "TCP";
}
