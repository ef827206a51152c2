import { parseLocalSettings } from "./local-settings.ts";
import { parseManifests } from "./manifests.ts";
import { buildMeshObjects, type PlacedWorkload } from "./mesh-objects.ts";
import { planWorkloads } from "./workloads.ts";

const manifests = parseManifests(
  `
kind: Service
apiVersion: v1
metadata: {name: reviews, labels: {app: reviews}}
spec: {selector: {app: reviews}, ports: [{name: http, port: 9080, targetPort: web}]}
---
kind: Deployment
apiVersion: apps/v1
metadata: {name: reviews-v1}
spec: {replicas: 2, template: {metadata: {labels: {app: reviews, version: v1}},
  spec: {serviceAccountName: bookinfo-reviews, containers: [{name: reviews, image: shop, ports: [{name: web, containerPort: 8080}]}]}}}
`,
  "reviews.yaml",
);
const { images } = parseLocalSettings("images: {shop: {command: [node]}}", "/local.yaml");
const workloads = planWorkloads(manifests, images).map(
  (workload, index): PlacedWorkload => ({
    ...workload,
    podIp: `127.1.0.${10 + index}`,
    appPorts: new Map([[8080, 40_000 + index]]),
  }),
);
const gateway = {
  name: "istio-ingressgateway-local",
  namespace: "istio-system",
  serviceAccount: "gateway",
  labels: { istio: "ingressgateway", "security.istio.io/tlsMode": "istio" },
  selector: { istio: "ingressgateway" },
  podIp: "127.1.0.2",
  httpPort: 8081,
};
const objects = buildMeshObjects({ manifests, workloads, gateway });
const find = (kind: string, name: string) =>
  objects.find((object) => object.kind === kind && object.metadata.name.startsWith(name));

describe("buildMeshObjects()", () => {
  it("has what a cluster would have", () => {
    const counts = Map.groupBy(objects, ({ kind }) => kind);
    expect(Object.fromEntries([...counts].map(([kind, all]) => [kind, all.length]))).toEqual({
      Namespace: 2,
      Node: 1,
      ServiceAccount: 2,
      Service: 2,
      Pod: 3,
      EndpointSlice: 2,
      Sidecar: 2,
    });
  });

  it("gives services an address, and their endpoints the pods' own", () => {
    expect(find("Service", "reviews")).toMatchObject({
      metadata: { namespace: "default", labels: { app: "reviews" } },
      spec: { clusterIP: expect.stringMatching(/^10\.96\./), selector: { app: "reviews" } },
    });
    expect(find("EndpointSlice", "reviews")).toMatchObject({
      metadata: { labels: { "kubernetes.io/service-name": "reviews" } },
      endpoints: [{ addresses: ["127.1.0.10"] }, { addresses: ["127.1.0.11"] }],
      ports: [{ name: "http", port: 8080 }],
    });
    expect(find("Service", "istio-ingressgateway")).toMatchObject({
      spec: { selector: { istio: "ingressgateway" } },
    });
    expect(find("EndpointSlice", "istio-ingressgateway")).toMatchObject({
      endpoints: [{ addresses: ["127.1.0.2"], targetRef: { name: "istio-ingressgateway-local" } }],
      ports: [{ port: 8081 }],
    });
  });

  it("names the pod's Deployment as Kubernetes does", () => {
    const pod = find("Pod", "reviews-v1");
    const hash = pod?.metadata.labels?.["pod-template-hash"];
    expect(pod).toMatchObject({
      metadata: { ownerReferences: [{ kind: "ReplicaSet", name: `reviews-v1-${hash}`, controller: true }] },
      status: { podIP: "127.1.0.10", phase: "Running" },
    });
    expect(pod?.metadata.name).toContain(`reviews-v1-${hash}-`);
  });

  it("gives each pod a Sidecar of its own that binds its ports", () => {
    const sidecars = objects.filter(({ kind }) => kind === "Sidecar");
    expect(sidecars.map(({ spec }) => spec)).toEqual(
      workloads.map(({ labels, podIp, appPorts }) => ({
        workloadSelector: { labels },
        ingress: [
          {
            port: { number: 8080, protocol: "HTTP", name: "web" },
            bind: podIp,
            captureMode: "NONE",
            defaultEndpoint: `127.0.0.1:${appPorts.get(8080)}`,
          },
        ],
        egress: [
          {
            port: { number: 15002, protocol: "HTTP_PROXY", name: "http-proxy" },
            bind: podIp,
            captureMode: "NONE",
            hosts: ["*/*"],
          },
        ],
      })),
    );
    expect(workloads[0]?.labels).not.toEqual(workloads[1]?.labels);
  });
});
