import { injectPod } from "./inject.ts";
import { isObject } from "./merge.ts";
import type { InjectionInput, Json, Pod, PodMetadata, Workload } from "./types.ts";

/** Where the template of the pod is, by kind; an empty path: the object is the pod. */
const templatePaths: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ["spec", "template"],
  DeploymentConfig: ["spec", "template"],
  DaemonSet: ["spec", "template"],
  ReplicaSet: ["spec", "template"],
  ReplicationController: ["spec", "template"],
  StatefulSet: ["spec", "template"],
  Job: ["spec", "template"],
  CronJob: ["spec", "jobTemplate", "spec", "template"],
};

/** What is the same for all objects of a file. */
export type InjectionSettings = Omit<InjectionInput, "pod" | "workload">;

/**
 * An object of a file with its pod injected, whichever kind it is: lists go item by item; what has no pod, and pods that
 * say no, stay as they are. As `istioctl kube-inject` does.
 */
export function injectObject(object: Json, settings: InjectionSettings): Json {
  if (Array.isArray(object.items) && String(object.kind).endsWith("List")) {
    return {
      ...object,
      items: object.items.map((item) => (isObject(item) ? injectObject(item, settings) : item)),
    };
  }
  const path = templatePaths[String(object.kind)];
  if (path === undefined) return object;
  const metadata = (object.metadata ?? {}) as PodMetadata;
  const pod = path.reduce<unknown>((part, name) => (isObject(part) ? part[name] : undefined), object);
  if (!isObject(pod) || refuses(pod)) return object;
  const workload = path.length === 0 ? workloadOfPod(object as Pod) : workloadOf(object, metadata);
  const injected = injectPod({ ...settings, pod, workload });
  return replaceAt(object, path, path.length === 0 ? { ...object, ...injected } : injected);
}

/** Of a file: a pod is not injected where it is on the host's network, or says so. */
function refuses(pod: Pod): boolean {
  const name = "sidecar.istio.io/inject";
  const said = pod.metadata?.labels?.[name] ?? pod.metadata?.annotations?.[name];
  return pod.spec?.hostNetwork === true || said === "false";
}

function workloadOf(object: Json, metadata: PodMetadata): Workload {
  return {
    name: metadata.name ?? "",
    namespace: metadata.namespace ?? "",
    apiVersion: String(object.apiVersion),
    kind: String(object.kind),
  };
}

/**
 * Whose pod it is: of a ReplicaSet's the Deployment, of a Job's the CronJob where their names say so, else the
 * controller, else the pod itself.
 */
export function workloadOfPod(pod: Pod): Workload {
  const { name = "", generateName, namespace = "", labels, ownerReferences } = pod.metadata ?? {};
  const itself = {
    name: name || (generateName ?? "").replace(/-$/, ""),
    namespace,
    apiVersion: "v1",
    kind: "Pod",
  };
  const owners = (ownerReferences ?? []) as readonly Json[];
  const owner = owners.find(({ controller }) => controller === true);
  if (!generateName || owner === undefined) return itself;
  const of = {
    name: String(owner.name),
    apiVersion: String(owner.apiVersion),
    kind: String(owner.kind),
    namespace,
  };
  const hash = labels?.["pod-template-hash"];
  if (of.kind === "ReplicaSet" && hash && of.name.endsWith(`-${hash}`)) {
    return { ...of, kind: "Deployment", name: of.name.slice(0, -hash.length - 1) };
  }
  const cron = of.kind === "Job" ? /^(.+)-\d{8,10}$/.exec(of.name)?.[1] : undefined;
  if (cron !== undefined) return { ...of, kind: "CronJob", name: cron };
  return of;
}

function replaceAt(object: Json, path: readonly string[], value: Json): Json {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  return { ...object, [name]: replaceAt((object[name] ?? {}) as Json, rest, value) };
}
