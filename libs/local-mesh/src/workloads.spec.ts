import { parseLocalSettings } from "./local-settings.ts";
import { parseManifests } from "./manifests.ts";
import { planWorkloads } from "./workloads.ts";

const { images } = parseLocalSettings(
  "images: {shop: {workingDir: /srv, command: [node], env: {A: image, B: image}}}",
  "/local.yaml",
);

const yaml = (container: string, replicas = 1) => `
kind: Service
apiVersion: v1
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: main}, {name: grpc-x, port: 90, targetPort: 9000}]}
---
kind: Deployment
apiVersion: apps/v1
metadata: {name: web-v1}
spec:
  replicas: ${replicas}
  template:
    metadata: {labels: {app: web, version: v1}}
    spec: {serviceAccountName: web, containers: [${container}]}
`;
const plan = (container: string, replicas?: number) =>
  planWorkloads(parseManifests(yaml(container, replicas), "web.yaml"), images);

describe("planWorkloads()", () => {
  it("makes of a Deployment the pods it asks for, each with a name of its own that stays", () => {
    const container = "{name: web, image: shop, ports: [{name: main, containerPort: 8000}]}";
    const names = plan(container, 2).map(({ name }) => name);
    expect(new Set(names).size).toBe(2);
    expect(plan(container, 2).map(({ title }) => title)).toEqual(["web-v1 1", "web-v1 2"]);
    expect(names[0]).toMatch(/^web-v1-[a-z0-9]{9}-[a-z0-9]{5}$/);
    expect(plan(container, 2).map(({ name }) => name)).toEqual(names);
    expect(plan(container)[0]).toMatchObject({
      namespace: "default",
      serviceAccount: "web",
      deployment: "web-v1",
    });
  });

  it("takes command, environment, ports and readiness from container and image", () => {
    const container =
      "{name: web, image: shop, args: [main.js], env: [{name: B, value: own}], readinessProbe: {httpGet: {path: /ok, port: main}}, " +
      "ports: [{name: main, containerPort: 8000}, {containerPort: 9000}, {containerPort: 53, protocol: UDP}, {containerPort: 7}]}";
    expect(plan(container)[0]?.containers).toEqual([
      {
        name: "web",
        command: ["node", "main.js"],
        workingDir: "/srv",
        env: { A: "image", B: "own" },
        ports: [
          { name: "main", port: 8000, protocol: "HTTP" },
          { name: "", port: 9000, protocol: "GRPC" },
          { name: "", port: 7, protocol: "TCP" },
        ],
        readiness: { path: "/ok", port: 8000 },
      },
    ]);
  });

  it("says what is missing where an image cannot run here", () => {
    expect(() => plan("{name: web, image: redis}")).toThrow(
      /^web\.yaml:7: Deployment web-v1: container web of image redis cannot run here: local\.yaml has no such image/,
    );
  });

  it("bounds the number of pods", () => {
    expect(() => plan("{name: web, image: shop}", 101)).toThrow("101 pods asked for; at most 100 run here");
  });
});
