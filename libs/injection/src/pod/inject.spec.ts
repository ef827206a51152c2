import {
  type InjectionSettings,
  type InjectionValues,
  injectObject,
  injectPod,
  type Pod,
  workloadOfPod,
} from "../index.ts";

const values = {
  global: {
    hub: "weft",
    tag: "1",
    istioNamespace: "istio-system",
    proxy: { image: "proxy", statusPort: 15020, includeIPRanges: "*", includeInboundPorts: "*" },
  },
} as InjectionValues;
const settings: InjectionSettings = { values, mesh: {}, nativeSidecars: true };
const workload = { name: "web", namespace: "default", apiVersion: "apps/v1", kind: "Deployment" };
const inject = (pod: Pod, more: Partial<InjectionSettings> = {}) =>
  injectPod({ ...settings, ...more, pod, workload });
const app: Pod = {
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "web", ports: [{ name: "http", containerPort: 80 }] }] },
};
const names = (list: readonly { readonly name: string }[] | undefined) => list?.map(({ name }) => name);
const environment = (pod: Pod, name: string) =>
  [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
    .find((container) => container.name === "istio-proxy")
    ?.env?.find((variable) => variable.name === name)?.value;

describe("injectPod()", () => {
  it("puts the proxy before the application as a native sidecar, and beside it without", () => {
    const native = inject(app);
    expect(names(native.spec?.initContainers)).toEqual(["istio-init", "istio-proxy"]);
    expect(names(native.spec?.containers)).toEqual(["web"]);
    const beside = inject(app, { nativeSidecars: false });
    expect(names(beside.spec?.initContainers)).toEqual(["istio-init"]);
    expect(names(beside.spec?.containers)).toEqual(["web", "istio-proxy"]);
  });

  it("gives the same when it injects what it injected", () => {
    const own: Pod = {
      ...app,
      spec: {
        ...app.spec,
        containers: [...(app.spec?.containers ?? []), { name: "istio-proxy", image: "auto", tty: true }],
        volumes: [{ name: "mine", emptyDir: {} }],
      },
    };
    for (const pod of [app, own]) {
      const once = inject(pod);
      expect(inject(once)).toEqual(once);
    }
  });

  it("lets the pod override what the template says of the proxy", () => {
    const resources = { limits: { cpu: "3" } };
    const pod = inject({
      ...app,
      spec: { containers: [{ name: "web" }, { name: "istio-proxy", image: "auto", resources }] },
    });
    const proxy = pod.spec?.initContainers?.find(({ name }) => name === "istio-proxy");
    expect(proxy).toMatchObject({ image: "weft/proxy:1", resources, restartPolicy: "Always" });
    expect(pod.metadata?.annotations?.["proxy.istio.io/overrides"]).toContain('"limits":{"cpu":"3"}');
  });

  it("sends probes through the agent, which is told where they go", () => {
    const pod = inject(
      {
        ...app,
        spec: {
          containers: [
            {
              name: "web",
              ports: [{ name: "http", containerPort: 80 }],
              readinessProbe: {
                httpGet: { path: "/ready", port: "http", scheme: "HTTPS" },
                timeoutSeconds: 2,
              },
              livenessProbe: { tcpSocket: { port: 80 } },
              startupProbe: { exec: { command: ["true"] } },
            },
          ],
        },
      },
      { values: { ...values, sidecarInjectorWebhook: { rewriteAppHTTPProbe: true } } as InjectionValues },
    );
    expect(pod.spec?.containers?.[0]).toMatchObject({
      readinessProbe: {
        httpGet: { path: "/app-health/web/readyz", port: 15020, scheme: "HTTP" },
        timeoutSeconds: 2,
      },
      livenessProbe: { httpGet: { path: "/app-health/web/livez", port: 15020 } },
      startupProbe: { exec: { command: ["true"] } },
    });
    expect(JSON.parse(String(environment(pod, "ISTIO_KUBE_APP_PROBERS")))).toEqual({
      "/app-health/web/livez": { tcpSocket: { port: 80 } },
      "/app-health/web/readyz": { httpGet: { path: "/ready", port: 80, scheme: "HTTPS" }, timeoutSeconds: 2 },
    });
  });

  it("starts the redirection last, where it would cut other init containers off", () => {
    const spec = { containers: [{ name: "web" }], initContainers: [{ name: "first" }, { name: "second" }] };
    expect(names(inject({ spec }, { nativeSidecars: false }).spec?.initContainers)).toEqual([
      "first",
      "second",
      "istio-init",
    ]);
    expect(names(inject({ spec }).spec?.initContainers)).toEqual([
      "istio-init",
      "istio-proxy",
      "first",
      "second",
    ]);
  });

  it("uses templates by their names, own ones, too", () => {
    const templates = {
      extra: { spec: { containers: [{ name: "istio-proxy", env: [{ name: "A", value: "b" }] }] } },
    };
    const pod = inject(
      { ...app, metadata: { annotations: { "inject.istio.io/templates": "sidecar,extra" } } },
      { templates, nativeSidecars: false },
    );
    expect(environment(pod, "A")).toBe("b");
    expect(environment(pod, "CA_ADDR")).toBe("istiod.istio-system.svc:15012");
  });

  it.each([
    ["inject.istio.io/templates", "nope", "there is no template nope; there are sidecar, gateway"],
    ["sidecar.istio.io/proxyCPU", "1\nx", "allowed is a quantity"],
    ["traffic.sidecar.istio.io/includeOutboundIPRanges", "10.0.0.0", "allowed are * and address ranges"],
    ["proxy.istio.io/config", "[", "annotation proxy.istio.io/config: cannot be read"],
    ["status.sidecar.istio.io/port", "http", "allowed is a port"],
  ])("says of %s: %j: %s", (name, value, message) => {
    expect(() => inject({ ...app, metadata: { annotations: { [name]: value } } })).toThrow(message);
  });
});

describe("injectObject()", () => {
  it("injects templates wherever they are, and leaves what says no", () => {
    const template = { metadata: {}, spec: { containers: [{ name: "web" }] } };
    const cron = {
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: { name: "job" },
      spec: { jobTemplate: { spec: { template } } },
    };
    expect(injectObject(cron, settings)).toMatchObject({
      spec: {
        jobTemplate: { spec: { template: { spec: { initContainers: [{ name: "istio-init" }, {}] } } } },
      },
    });
    const no = { ...template, metadata: { labels: { "sidecar.istio.io/inject": "false" } } };
    const deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "d" },
      spec: { template: no },
    };
    expect(injectObject(deployment, settings)).toBe(deployment);
    const service = { apiVersion: "v1", kind: "Service", metadata: { name: "s" } };
    expect(injectObject(service, settings)).toBe(service);
  });
});

describe("workloadOfPod()", () => {
  const of = (metadata: Pod["metadata"]) => workloadOfPod({ metadata: { ...metadata } });
  const owner = (kind: string, name: string) => ({
    generateName: `${name}-`,
    ownerReferences: [{ apiVersion: "apps/v1", kind, name, controller: true }],
  });
  it.each([
    [
      "its Deployment",
      { ...owner("ReplicaSet", "web-5d8f"), labels: { "pod-template-hash": "5d8f" } },
      "Deployment",
      "web",
    ],
    ["its ReplicaSet", owner("ReplicaSet", "web-5d8f"), "ReplicaSet", "web-5d8f"],
    ["its CronJob", owner("Job", "nightly-27845123"), "CronJob", "nightly"],
    ["itself", { name: "alone" }, "Pod", "alone"],
  ])("finds %s", (_, metadata, kind, name) => {
    expect(of(metadata)).toMatchObject({ kind, name });
  });
});
