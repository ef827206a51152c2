import { parse } from "yaml";
import { AnnotationError, checkAnnotations, list } from "./annotations.ts";
import { gatewayTemplate } from "./gateway-template.ts";
import { grpcAgentTemplate, grpcSimpleTemplate } from "./grpc-template.ts";
import { isObject, mergePod } from "./merge.ts";
import { rewriteProbes, rewritesProbes } from "./probes.ts";
import { mergePrometheus } from "./prometheus.ts";
import { holdsApplication, sidecarTemplate } from "./sidecar-template.ts";
import type { Container, InjectionInput, Json, Pod, PodSpec, TemplateContext } from "./types.ts";

/** The templates that are built in. */
const builtIn: Readonly<Record<string, (context: TemplateContext) => Pod>> = {
  sidecar: sidecarTemplate,
  gateway: gatewayTemplate,
  "grpc-agent": grpcAgentTemplate,
  "grpc-simple": grpcSimpleTemplate,
};

const statusAnnotation = "sidecar.istio.io/status";
const overridesAnnotation = "proxy.istio.io/overrides";
const proxyName = "istio-proxy";

/**
 * A pod with its proxy: the templates it names over it, then what it says itself of their containers over that; probes
 * through the agent, metrics in one, containers in the order they have to start in. Injecting again gives the same.
 *
 * @throws AnnotationError where an annotation cannot be read, or names a template that is not there
 */
export function injectPod(input: InjectionInput): Pod {
  const original = withoutInjected(input.pod);
  const context = contextOf({ ...input, pod: original });
  const moved = context.native ? moveProxyToInit(original) : original;
  const templates = templatesOf(context);
  const overlay = templates.reduce<Pod>((merged, template) => mergePod(merged, template), {});
  const merged = templates.reduce<Pod>((pod, template) => mergePod(pod, template), moved);
  const { pod, overrides } = reapplyOverrides(merged, {
    original: moved,
    overlay,
    annotations: context.annotations,
  });
  const told = annotate(adjustValidation(pod, moved, context), { overrides, overlay, input, context });
  const measured = mergePrometheus(told, input.mesh);
  const probed = rewritesProbes(measured.metadata?.annotations ?? {}, input.values)
    ? rewriteProbes(measured, Number(context.statusPort))
    : measured;
  return withoutEmptyLists(reorder(probed, context));
}

function contextOf(input: InjectionInput): TemplateContext {
  const { pod, values, mesh } = input;
  const annotations = pod.metadata?.annotations ?? {};
  checkAnnotations(annotations);
  const proxyConfig = proxyConfigOf(mesh.defaultConfig ?? {}, annotations["proxy.istio.io/config"]);
  const said = annotations["sidecar.istio.io/nativeSidecar"];
  return {
    ...input,
    annotations,
    labels: pod.metadata?.labels ?? {},
    applications: (pod.spec?.containers ?? []).map(({ name }) => name).filter((name) => name !== proxyName),
    proxyConfig,
    native: said === undefined ? input.nativeSidecars : said === "true",
    interceptionMode:
      annotations["sidecar.istio.io/interceptionMode"] ?? String(proxyConfig.interceptionMode ?? "REDIRECT"),
    statusPort:
      annotations["status.sidecar.istio.io/port"] ?? String(values.global.proxy.statusPort ?? 15020),
  };
}

/** Istio's defaults, which a proxy is not told of. */
const proxyConfigDefaults: Json = {
  configPath: "./etc/istio/proxy",
  binaryPath: "/usr/local/bin/envoy",
  serviceCluster: "istio-proxy",
  drainDuration: "45s",
  terminationDrainDuration: "5s",
  proxyAdminPort: 15000,
  controlPlaneAuthPolicy: "MUTUAL_TLS",
  statNameLength: 189,
  statusPort: 15020,
  interceptionMode: "REDIRECT",
  discoveryAddress: "istiod.istio-system.svc:15012",
};

/** The mesh's proxy configuration with the pod's over it: objects are merged, all else replaced. */
function proxyConfigOf(mesh: Json, annotation: string | undefined): Json {
  let own: unknown = {};
  try {
    own = annotation === undefined ? {} : (parse(annotation) ?? {});
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n", 1)[0] : String(cause);
    throw new AnnotationError(`annotation proxy.istio.io/config: cannot be read: ${reason}`, { cause });
  }
  if (!isObject(own))
    throw new AnnotationError("annotation proxy.istio.io/config: must be an object of ProxyConfig");
  const merged: Record<string, unknown> = { ...mesh };
  for (const [name, value] of Object.entries(own)) {
    const before = merged[name];
    merged[name] = isObject(before) && isObject(value) ? { ...before, ...value } : value;
  }
  return Object.fromEntries(
    Object.entries(merged).filter(([name, value]) => value !== proxyConfigDefaults[name]),
  );
}

function templatesOf(context: TemplateContext): readonly Pod[] {
  const named = context.annotations["inject.istio.io/templates"];
  const names = named === undefined ? (context.defaultTemplates ?? ["sidecar"]) : list(named);
  const own = context.templates ?? {};
  return [...new Set(names)].map((name) => {
    const template = own[name] ?? builtIn[name]?.(context);
    if (template) return template;
    const there = [...Object.keys(builtIn), ...Object.keys(own)].join(", ");
    throw new AnnotationError(
      `annotation inject.istio.io/templates: there is no template ${name}; there are ${there}`,
    );
  });
}

interface Injected {
  readonly initContainers?: readonly string[] | null;
  readonly containers?: readonly string[] | null;
  readonly volumes?: readonly string[] | null;
  readonly imagePullSecrets?: readonly string[] | null;
}

/** The pod without what an earlier injection has put into it, by its own account; what the pod overrode stays. */
function withoutInjected(pod: Pod): Pod {
  const status = pod.metadata?.annotations?.[statusAnnotation];
  if (status === undefined) return pod;
  const injected = JSON.parse(status) as Injected;
  const overridden = overridesOf(pod);
  const kept = (
    items: readonly Json[] | undefined,
    names: readonly string[] | null | undefined,
    own: readonly Json[],
  ) => {
    const left = items?.filter(({ name }) => !names?.includes(String(name)));
    return left && [...left, ...own];
  };
  const spec = pod.spec ?? {};
  const containers = kept(spec.containers, injected.containers, overridden.containers) as
    | Container[]
    | undefined;
  const initContainers = kept(spec.initContainers, injected.initContainers, overridden.initContainers) as
    | Container[]
    | undefined;
  const volumes = kept(spec.volumes, injected.volumes, []);
  const secrets = kept(spec.imagePullSecrets, injected.imagePullSecrets, []);
  return {
    ...pod,
    spec: {
      ...spec,
      ...(containers ? { containers } : {}),
      ...(initContainers ? { initContainers } : {}),
      ...(volumes ? { volumes } : {}),
      ...(secrets ? { imagePullSecrets: secrets } : {}),
    },
  };
}

interface Overrides {
  readonly containers: readonly Container[];
  readonly initContainers: readonly Container[];
}

function overridesOf(pod: Pod): Overrides {
  const text = pod.metadata?.annotations?.[overridesAnnotation];
  const parsed = (text === undefined ? {} : JSON.parse(text)) as Partial<Overrides>;
  return { containers: parsed.containers ?? [], initContainers: parsed.initContainers ?? [] };
}

/** A native sidecar is an init container: what the pod says of its proxy among its containers is meant for that one. */
function moveProxyToInit(pod: Pod): Pod {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const proxy = containers.find(({ name }) => name === proxyName);
  if (!proxy || pod.metadata?.annotations?.["inject.istio.io/templates"]?.includes("gateway")) return pod;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: containers.filter((container) => container !== proxy),
      initContainers: [...initContainers, proxy],
    },
  };
}

/** An image of this name stands for the template's. */
const autoImage = "auto";

/** What the pod says of containers that the templates make wins over them. */
function reapplyOverrides(
  merged: Pod,
  from: {
    readonly original: Pod;
    readonly overlay: Pod;
    readonly annotations: Readonly<Record<string, string>>;
  },
): { readonly pod: Pod; readonly overrides: Overrides } {
  const { original, overlay } = from;
  const find = (field: "containers" | "initContainers"): readonly Container[] =>
    (overlay.spec?.[field] ?? []).flatMap(({ name }) => {
      const own = original.spec?.[field]?.find((container) => container.name === name);
      if (own === undefined) return [];
      const { image, ...rest } = own;
      return [image === autoImage || image === undefined ? (rest as Container) : own];
    });
  const overrides = { containers: find("containers"), initContainers: find("initContainers") };
  const spec: PodSpec = {
    ...(overrides.containers.length > 0 ? { containers: overrides.containers } : {}),
    ...(overrides.initContainers.length > 0 ? { initContainers: overrides.initContainers } : {}),
  };
  return { pod: mergePod(merged, { spec }), overrides };
}

/** With the CNI plugin, what validates the redirection runs as the user that the pod gives its proxy. */
function adjustValidation(pod: Pod, original: Pod, { interceptionMode }: TemplateContext): Pod {
  const all = [...(original.spec?.containers ?? []), ...(original.spec?.initContainers ?? [])];
  const own = all.find(({ name }) => name === proxyName)?.securityContext as Json | undefined;
  const inits = pod.spec?.initContainers;
  if (own === undefined || inits === undefined || interceptionMode === "TPROXY") return pod;
  const { runAsUser, runAsGroup } = own;
  const user = {
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
  };
  const adjusted = inits.map((container) =>
    container.name === "istio-validation"
      ? { ...container, securityContext: { ...(container.securityContext as Json), ...user } }
      : container,
  );
  return { ...pod, spec: { ...pod.spec, initContainers: adjusted } };
}

/** Writes down what was injected, and what of it the pod overrode, so that it can be injected again. */
function annotate(
  pod: Pod,
  from: {
    readonly overrides: Overrides;
    readonly overlay: Pod;
    readonly input: InjectionInput;
    readonly context: TemplateContext;
  },
): Pod {
  const { overrides, overlay, input, context } = from;
  const names = (items: readonly Json[] | undefined) =>
    items && items.length > 0 ? items.map(({ name }) => name) : null;
  const { initContainers, containers, volumes, imagePullSecrets } = overlay.spec ?? {};
  const status = {
    initContainers: names(initContainers),
    containers: names(containers),
    volumes: names(volumes),
    imagePullSecrets: names(imagePullSecrets),
    revision: input.revision || "default",
  };
  const some = {
    ...(overrides.containers.length > 0 ? { containers: overrides.containers } : {}),
    ...(overrides.initContainers.length > 0 ? { initContainers: overrides.initContainers } : {}),
  };
  const network = "topology.istio.io/network";
  const { network: named } = input.values.global;
  const again = context.annotations[statusAnnotation] !== undefined;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(named && !context.labels[network] ? { labels: { ...pod.metadata?.labels, [network]: named } } : {}),
      annotations: {
        ...pod.metadata?.annotations,
        [statusAnnotation]: JSON.stringify(status),
        ...(Object.keys(some).length > 0 && !again ? { [overridesAnnotation]: JSON.stringify(some) } : {}),
      },
    },
  };
}

/**
 * The order that containers start in. A native sidecar and the redirection come before all other init containers, so
 * that these are part of the mesh; without, the redirection comes last, so that they are not cut off.
 */
function reorder(pod: Pod, context: TemplateContext): Pod {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const native = initContainers.some(({ name }) => name === proxyName);
  const first = (name: string) => (list: readonly Container[]) => [
    ...list.filter((container) => container.name === name),
    ...list.filter((container) => container.name !== name),
  ];
  const last = (name: string) => (list: readonly Container[]) => [
    ...list.filter((container) => container.name !== name),
    ...list.filter((container) => container.name === name),
  ];
  const steps = native
    ? [first(proxyName), first("istio-validation"), first("istio-init")]
    : [first("istio-validation"), last("istio-init")];
  const place = holdsApplication(context) ? first(proxyName) : last(proxyName);
  return {
    ...pod,
    spec: {
      ...pod.spec,
      ...(pod.spec?.containers ? { containers: place(containers) } : {}),
      ...(pod.spec?.initContainers
        ? { initContainers: steps.reduce((list, step) => step(list), initContainers as readonly Container[]) }
        : {}),
    },
  };
}

function withoutEmptyLists(pod: Pod): Pod {
  const spec = Object.fromEntries(
    Object.entries(pod.spec ?? {}).filter(
      ([name, value]) => name === "containers" || !(Array.isArray(value) && value.length === 0),
    ),
  );
  return { ...pod, spec };
}
