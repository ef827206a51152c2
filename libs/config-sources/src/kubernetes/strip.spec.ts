import { strip } from "./strip.ts";

const metadata = {
  name: "web-1",
  namespace: "default",
  uid: "u",
  resourceVersion: "7",
  labels: { app: "web" },
  managedFields: [{ manager: "kubectl" }],
  annotations: {
    "kubectl.kubernetes.io/last-applied-configuration": "{}",
    "sidecar.istio.io/inject": "true",
  },
};

describe("strip()", () => {
  it("keeps of a pod what the mesh reads, and nothing else", () => {
    const pod = {
      metadata,
      spec: {
        nodeName: "n",
        volumes: [{ name: "v" }],
        containers: [{ name: "app", image: "web:1", env: [], ports: [{ containerPort: 80, hostPort: 1 }] }],
      },
      status: { phase: "Running", podIP: "10.0.0.1", containerStatuses: [{}] },
    };
    expect(strip(pod, { apiVersion: "v1", kind: "Pod" })).toEqual({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: "web-1",
        namespace: "default",
        resourceVersion: "7",
        labels: { app: "web" },
        annotations: { "sidecar.istio.io/inject": "true" },
      },
      spec: { nodeName: "n", containers: [{ name: "app", ports: [{ containerPort: 80 }] }] },
      status: { phase: "Running", podIP: "10.0.0.1" },
    });
  });

  it("keeps the whole spec of a kind whose fields are all read, but not its status", () => {
    const object = {
      metadata: { name: "a", namespace: "b" },
      spec: { hosts: ["x"], odd: 1 },
      status: { conditions: [] },
    };
    expect(strip(object, { apiVersion: "networking.istio.io/v1", kind: "VirtualService" })).toEqual({
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: { name: "a", namespace: "b", annotations: {} },
      spec: { hosts: ["x"], odd: 1 },
    });
  });

  it("keeps the data of a Secret", () => {
    const secret = {
      metadata: { name: "a", namespace: "b" },
      type: "kubernetes.io/tls",
      data: { "tls.key": "eA==" },
    };
    expect(strip(secret, { apiVersion: "v1", kind: "Secret" })).toMatchObject({ data: secret.data });
  });
});
