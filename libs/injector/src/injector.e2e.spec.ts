import { systemClock } from "@weft/base";
import { connectKubernetes } from "@weft/kubernetes";
import { silentLogger } from "@weft/observability";
import { type ApiServer, describeWithPeer, eventually, startApiServer } from "@weft/testkit";
import { createInjector, type Injector } from "./injector.ts";

const configName = "istio-sidecar-injector";
const pod = (name: string, annotations: object = {}) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, annotations },
    // The admission plugin that would set it is off where no controller makes accounts.
    spec: { serviceAccountName: "default", containers: [{ name: "web", image: "web:1" }] },
  });

describeWithPeer("kubernetes", "an injector on a real API server", (bin) => {
  let server: ApiServer;
  let injector: Injector;
  beforeAll(async () => {
    server = await startApiServer(bin);
    await server.kubectl(["create", "namespace", "istio-system"]);
    await server.kubectl(["label", "namespace", "default", "istio-injection=enabled"]);
    injector = await createInjector({
      api: await connectKubernetes({ kubeconfig: server.kubeconfig }),
      namespace: "istio-system",
      webhookConfigName: configName,
      webhook: { host: "127.0.0.1", port: 0 },
      monitoring: { host: "127.0.0.1", port: 0 },
      dnsNames: ["localhost"],
      ca: undefined,
      revision: "default",
      nativeSidecars: true,
      logger: silentLogger,
      clock: systemClock,
    });
    const port = injector.addresses.webhook.split(":").at(-1);
    await server.kubectl(
      ["apply", "-f", "-"],
      JSON.stringify(configuration(`https://localhost:${port}/inject`)),
    );
    await eventually(async () => (await caBundle()) || undefined);
  }, 90_000);
  afterAll(async () => {
    await injector?.close();
    await server?.close();
  }, 30_000);

  const configuration = (url: string) => ({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: { name: configName },
    webhooks: [
      {
        name: "namespace.sidecar-injector.istio.io",
        clientConfig: { url },
        rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }],
        namespaceSelector: { matchLabels: { "istio-injection": "enabled" } },
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
      },
    ],
  });
  const caBundle = () =>
    server.kubectl([
      "get",
      "mutatingwebhookconfiguration",
      configName,
      "-o",
      "jsonpath={.webhooks[0].clientConfig.caBundle}",
    ]);
  const created = async (name: string, namespace: string) => {
    await server.kubectl(["create", "-n", namespace, "-f", "-"], pod(name));
    return JSON.parse(await server.kubectl(["get", "pod", name, "-n", namespace, "-o", "json"])).spec;
  };
  const names = (containers: readonly { readonly name: string }[] = []) => containers.map(({ name }) => name);

  it("injects the pods of namespaces that ask for it, and no others", async () => {
    const inside = await created("web", "default");
    expect(names(inside.initContainers)).toEqual(["istio-init", "istio-proxy"]);
    expect(names((await created("web", "istio-system")).containers)).toEqual(["web"]);
  });

  it("injects a dry run without a trace", async () => {
    const args = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
    const { spec } = JSON.parse(await server.kubectl(args, pod("dry")));
    expect(names(spec.initContainers)).toContain("istio-proxy");
    await expect(server.kubectl(["get", "pod", "dry"])).rejects.toThrow("not found");
  });

  it("denies a pod with an annotation that cannot be read, and names it", async () => {
    const bad = pod("bad", { "sidecar.istio.io/proxyMemory": "lots" });
    await expect(server.kubectl(["create", "-f", "-"], bad)).rejects.toThrow(
      "annotation sidecar.istio.io/proxyMemory",
    );
  });

  it("takes settings from the ConfigMap as it changes", async () => {
    await server.kubectl([
      "create",
      "configmap",
      configName,
      "-n",
      "istio-system",
      '--from-literal=values={"global": {"hub": "example.org", "tag": "7"}}',
    ]);
    await eventually(async () => {
      const args = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
      const { spec } = JSON.parse(await server.kubectl(args, pod("other")));
      return spec.initContainers[0].image === "example.org/proxy:7" || undefined;
    });
  });

  it("writes the caBundle again where somebody has taken it away", async () => {
    const before = await caBundle();
    const patch = [{ op: "remove", path: "/webhooks/0/clientConfig/caBundle" }];
    await server.kubectl([
      "patch",
      "mutatingwebhookconfiguration",
      configName,
      "--type=json",
      "-p",
      JSON.stringify(patch),
    ]);
    await eventually(async () => (await caBundle()) === before || undefined);
  });
});
