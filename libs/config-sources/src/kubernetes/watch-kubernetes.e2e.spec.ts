import { connectKubernetes, type KubeApi } from "@weft/kubernetes";
import { type ApiServer, describeWithPeer, startApiServer } from "@weft/testkit";
import {
  createRecorder,
  describeSourceContract,
  hasProblems,
  replay,
  timeoutOf,
} from "../testing/source-contract.ts";
import { watchKubernetes } from "./watch-kubernetes.ts";

/** As little of a definition as the API server takes; it checks nothing of the spec, so that objects can be spoilt. */
const virtualServices = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "virtualservices.networking.istio.io" },
  spec: {
    group: "networking.istio.io",
    scope: "Namespaced",
    names: { plural: "virtualservices", singular: "virtualservice", kind: "VirtualService" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

const service = (name: string, port = 80) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: { ports: [{ port }] },
});

describeWithPeer("kubernetes", "watchKubernetes()", (bin) => {
  let server: ApiServer;
  let api: KubeApi;
  const apply = (object: object) =>
    server.kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], JSON.stringify(object));
  const remove = (object: { readonly kind: string; readonly metadata: { readonly name: string } }) =>
    server.kubectl(["delete", object.kind.toLowerCase(), object.metadata.name, "-n", "default"]);

  beforeAll(async () => {
    server = await startApiServer(bin);
    api = await connectKubernetes({ kubeconfig: server.kubeconfig });
  }, 90_000);
  afterAll(() => server?.close(), 30_000);

  const kinds = [
    { group: "networking.istio.io", kind: "VirtualService", plural: "virtualservices", versions: ["v1"] },
  ].map((kind) => ({ ...kind, scope: "Namespaced" as const }));

  it("waits for a kind that is not served yet", async () => {
    const recorder = createRecorder();
    const source = watchKubernetes({ api, sink: recorder.sink, kinds, times: { absent: 100 } });
    try {
      await source.synced;
      expect(recorder.events).toEqual([{ kind: "synced" }]);
      await apply(virtualServices);
      await server.kubectl([
        "wait",
        "--for=condition=Established",
        "crd/virtualservices.networking.istio.io",
      ]);
      const spec = { hosts: ["web"], http: [{ timeout: "1s", route: [{ destination: { host: "web" } }] }] };
      const metadata = { name: "web", namespace: "default" };
      const object = { apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata, spec };
      await apply(object);
      await recorder.until((events) => timeoutOf(events, "web") === "1s");
      await remove(object);
    } finally {
      await source.close();
    }
  }, 30_000);

  describeSourceContract("a cluster", async () => ({
    start: (sink) => watchKubernetes({ api, sink, kinds }),
    put: async ({ apiVersion, kind, metadata, body }) =>
      void (await apply({
        apiVersion,
        kind,
        metadata: { name: metadata.name, namespace: "default" },
        ...body,
      })),
    remove: async (object) => void (await remove(object)),
    spoil: async ({ apiVersion, kind, metadata }) =>
      void (await server.kubectl(
        ["replace", "-f", "-"],
        JSON.stringify({
          apiVersion,
          kind,
          metadata: { name: metadata.name, namespace: "default" },
          spec: { hosts: "not a list" },
        }),
      )),
    close: async () => void (await server.kubectl(["delete", "virtualservices", "--all", "-n", "default"])),
  }));

  it("tells what came and went while the API server was away", async () => {
    const recorder = createRecorder();
    const times = { minBackoff: 20, maxBackoff: 200 };
    await apply(service("stays"));
    await apply(service("goes"));
    const services = {
      group: "",
      kind: "Service",
      plural: "services",
      versions: ["v1"],
      scope: "Namespaced",
    } as const;
    const source = watchKubernetes({ api, sink: recorder.sink, kinds: [services], times });
    try {
      await source.synced;
      const names = () => [...replay(recorder.events).values()].map(({ metadata }) => metadata.name).sort();
      expect(names()).toEqual(expect.arrayContaining(["goes", "stays"]));
      await server.stop();
      await recorder.until(hasProblems);
      expect(names()).toEqual(expect.arrayContaining(["goes", "stays"]));
      await server.start();
      await recorder.until((events) => !hasProblems(events));
      await remove(service("goes"));
      await apply(service("comes"));
      await recorder.until((events) => [...replay(events).keys()].includes("/Service/default/comes"));
      await recorder.until((events) => ![...replay(events).keys()].includes("/Service/default/goes"));
      expect(names()).toContain("stays");
    } finally {
      await source.close();
    }
  }, 60_000);
});
