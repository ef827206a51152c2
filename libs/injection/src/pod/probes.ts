import { isTrue } from "./annotations.ts";
import { isObject } from "./merge.ts";
import type { Container, ContainerPort, InjectionValues, Json, Pod, Probe } from "./types.ts";

const annotation = "sidecar.istio.io/rewriteAppHTTPProbers";

/** Whether the pod's probes go through the agent: its annotation, else the value. */
export function rewritesProbes(
  annotations: Readonly<Record<string, string>>,
  values: InjectionValues,
): boolean {
  const said = annotations[annotation];
  return said === undefined ? (values.sidecarInjectorWebhook?.rewriteAppHTTPProbe ?? false) : isTrue(said);
}

/** The probes of a container, with the end of the path that the agent answers them at. */
const kinds = [
  ["readinessProbe", "readyz"],
  ["livenessProbe", "livez"],
  ["startupProbe", "startupz"],
] as const;

const hooks = [
  ["preStop", "prestopz"],
  ["postStart", "poststartz"],
] as const;

/**
 * Points the application's probes at the agent, which asks the application: with STRICT mutual TLS the kubelet could
 * not. The agent is told of them by `ISTIO_KUBE_APP_PROBERS` in the environment of the sidecar.
 */
export function rewriteProbes(pod: Pod, statusPort: number): Pod {
  const spec = pod.spec ?? {};
  const containers = spec.containers ?? [];
  const inits = spec.initContainers ?? [];
  const isSidecar = ({ name }: Container) => name === "istio-proxy";
  if (statusPort === 0 || ![...containers, ...inits].some(isSidecar)) return pod;
  const goesOn = ({ restartPolicy }: Container) => restartPolicy === "Always";
  const known: Record<string, Json> = {};
  const rewrite = (container: Container): Container => {
    if (isSidecar(container)) return container;
    const changed: Record<string, unknown> = { ...container };
    for (const [field, end] of kinds) {
      const path = `/app-health/${container.name}/${end}`;
      const probe = container[field];
      const told = probe && describe(probe, container.ports ?? [], statusPort);
      if (!probe || !told) continue;
      known[path] = told;
      changed[field] = redirect(probe, path, statusPort);
    }
    const lifecycle: Record<string, unknown> = { ...container.lifecycle };
    for (const [field, end] of hooks) {
      const path = `/app-lifecycle/${container.name}/${end}`;
      const handler = container.lifecycle?.[field] as Probe | undefined; // A handler has a probe's ways to ask.
      const told = isObject(handler) ? describe(handler, container.ports ?? [], statusPort) : undefined;
      if (!handler || !told) continue;
      known[path] = told;
      lifecycle[field] = redirect(handler, path, statusPort);
      changed.lifecycle = lifecycle;
    }
    return changed as Container; // The same container, with other probes.
  };
  const rewritten = containers.map(rewrite);
  const rewrittenInits = inits.map((init) => (goesOn(init) ? rewrite(init) : init));
  if (Object.keys(known).length === 0) return pod;
  const sorted = Object.fromEntries(Object.entries(known).sort(([a], [b]) => (a < b ? -1 : 1)));
  const variable = { name: "ISTIO_KUBE_APP_PROBERS", value: JSON.stringify(sorted) };
  const tell = (container: Container): Container => {
    if (!isSidecar(container) || container.env?.some(({ name }) => name === variable.name)) return container;
    return { ...container, env: [...(container.env ?? []), variable] };
  };
  return {
    ...pod,
    spec: {
      ...spec,
      ...(spec.containers ? { containers: rewritten.map(tell) } : {}),
      ...(spec.initContainers ? { initContainers: rewrittenInits.map(tell) } : {}),
    },
  };
}

/** The probe as the agent asks it, with its port as a number; undefined where it is none that the agent asks. */
function describe(probe: Probe, ports: readonly ContainerPort[], statusPort: number): Json | undefined {
  const { httpGet, tcpSocket, grpc, timeoutSeconds } = probe;
  const timeout = timeoutSeconds ? { timeoutSeconds } : {};
  const numbered = (port: number | string) =>
    typeof port === "number" ? port : ports.find(({ name }) => name === port)?.containerPort;
  if (httpGet) {
    const port = numbered(httpGet.port);
    return port === undefined || port === statusPort
      ? undefined
      : { httpGet: { ...httpGet, port }, ...timeout };
  }
  if (tcpSocket) {
    const port = numbered(tcpSocket.port);
    return port === undefined || port === statusPort
      ? undefined
      : { tcpSocket: { ...tcpSocket, port }, ...timeout };
  }
  return grpc && grpc.port !== statusPort ? { grpc, ...timeout } : undefined;
}

/** The probe as the kubelet asks it: the agent, in plain text. */
function redirect(probe: Probe, path: string, port: number): Probe {
  const { httpGet, tcpSocket: _tcp, grpc: _grpc, ...rest } = probe;
  if (httpGet === undefined) return { ...rest, httpGet: { path, port } };
  return {
    ...rest,
    httpGet: { ...httpGet, path, port, ...(httpGet.scheme === "HTTPS" ? { scheme: "HTTP" } : {}) },
  };
}
