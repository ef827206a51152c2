import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Child,
  describeWithPeer,
  type EnvoyResources,
  freePort,
  startChild,
  toStaticBootstrap,
} from "@weft/testkit";
import { parseText, resourcesFor, snapshotOf } from "./testing/mesh.ts";

/** A gateway on one port of this machine, and a service behind it. */
function mesh(gateway: number, app: number): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: edge-istio, namespace: default }
spec: { clusterIP: 10.96.0.9, selector: { gateway: edge }, ports: [{ name: http, port: 80, targetPort: ${gateway} }] }
---
apiVersion: v1
kind: Service
metadata: { name: shop, namespace: default }
spec: { clusterIP: 10.96.0.10, ports: [{ name: http, port: 8000 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: shop-1, namespace: default, labels: { kubernetes.io/service-name: shop } }
addressType: IPv4
endpoints: [{ addresses: [127.0.0.1], conditions: { ready: true } }]
ports: [{ name: http, port: ${app} }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge, namespace: default }
spec:
  gatewayClassName: istio
  listeners:
    - { name: any, port: 80, protocol: HTTP }
    - { name: api, port: 80, protocol: HTTP, hostname: api.example }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web, namespace: default }
spec:
  parentRefs: [{ name: edge, sectionName: any }]
  rules:
    - matches: [{ path: { value: /shop } }]
      filters:
        - { type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: / } } }
        - { type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-set, value: edge }] } }
      backendRefs: [{ name: shop, port: 8000 }]
    - matches: [{ path: { value: /shop/v2 } }]
      filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /next } } }]
      backendRefs: [{ name: shop, port: 8000 }]
    - matches: [{ path: { type: Exact, value: /shop/v2/exact }, method: GET }]
      backendRefs: [{ name: shop, port: 8000 }]
    - matches: [{ path: { value: /gone } }]
      backendRefs: [{ name: nowhere, port: 80 }]
    - matches: [{ path: { value: /forbidden } }]
      backendRefs: [{ name: secret, namespace: kube-system, port: 80 }]
    - matches: [{ path: { value: /none } }]
      backendRefs: [{ name: shop, port: 8000, weight: 0 }]
    - matches: [{ path: { value: /old } }]
      filters:
        - type: RequestRedirect
          requestRedirect: { scheme: https, statusCode: 301, path: { type: ReplacePrefixMatch, replacePrefixMatch: / } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: api, namespace: default }
spec:
  parentRefs: [{ name: edge }]
  hostnames: [api.example, other.example]
  rules: [{ backendRefs: [{ name: shop, port: 8000 }] }]
`;
}

interface Answer {
  readonly status: number;
  readonly location?: string;
  readonly body: string;
}

function get(port: number, path: string, host: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, headers: { host }, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      const { location } = response.headers;
      const status = response.statusCode ?? 0;
      response.on("end", () => resolve({ status, body, ...(location ? { location } : {}) }));
    });
    sent.on("error", reject).end();
  });
}

describeWithPeer("envoy", "real Envoy as a gateway of the Gateway API", (envoy) => {
  let folder: string;
  let port: number;
  let app: Server;
  let proxy: Child | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "weft-gateway-api-"));
    app = createServer(({ url, headers }, response) => response.end(`${url} ${headers["x-set"] ?? "-"}`));
    await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
    port = await freePort();
    const { port: appPort } = app.address() as AddressInfo; // listens on TCP
    const resources = resourcesFor(snapshotOf(parseText(mesh(port, appPort))), {
      id: "router~10.1.0.9~edge-1.default~default.svc.cluster.local",
      metadata: { LABELS: { gateway: "edge" } },
    }) as EnvoyResources; // resources are JSON objects
    const file = join(folder, "gateway.json");
    await writeFile(file, JSON.stringify(toStaticBootstrap(resources)));
    const args = ["-c", file, "-l", "info", "--concurrency", "1", "--use-dynamic-base-id"];
    proxy = await startChild(envoy, { args, ready: /starting main dispatch loop/ });
  }, 30_000);

  afterAll(async () => {
    await proxy?.stop();
    app.close();
    await rm(folder, { recursive: true, force: true });
  });

  it.each([
    ["matches prefixes by segment and takes them away", "/shop/a?b=c", "any.example", 200, "/a?b=c edge"],
    ["takes away all of a path", "/shop", "any.example", 200, "/ edge"],
    ["does not match within a segment", "/shopping", "any.example", 404, ""],
    ["prefers the longer prefix", "/shop/v2/x", "any.example", 200, "/next/x -"],
    ["prefers the exact path", "/shop/v2/exact", "any.example", 200, "/shop/v2/exact -"],
    ["answers for a backend that is not there", "/gone", "any.example", 500, ""],
    ["answers for a backend that is not granted", "/forbidden", "any.example", 500, ""],
    ["answers where no backend has weight", "/none", "any.example", 500, ""],
    ["serves the host of another listener", "/anything", "api.example", 200, "/anything -"],
    ["serves a host by the listener without one", "/anything", "other.example", 200, "/anything -"],
    ["keeps hosts apart", "/shop", "api.example", 200, "/shop -"],
  ])("%s: %s of %s", async (_, path, host, status, body) => {
    expect(await get(port, path, host)).toEqual({ status, body });
  });

  it("redirects with a changed prefix, to the scheme's own port", async () => {
    const answer = await get(port, "/old/page", "any.example");
    expect(answer).toEqual({ status: 301, body: "", location: "https://any.example/page" });
  });
});
