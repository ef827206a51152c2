import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Child,
  describeWithPeer,
  type EnvoyResources,
  freePorts,
  startChild,
  toStaticBootstrap,
} from "@weft/testkit";
import { resourcesToJson } from "./resources/to-json.ts";
import { parseText, snapshotOf, viewOf } from "./testing/mesh.ts";
import { translate } from "./translate.ts";

interface Ports {
  readonly proxy: number;
  readonly inbound: number;
  readonly gateway: number;
  readonly app: number;
  readonly v1: number;
  readonly v2: number;
}

/** A mesh on one machine: a client that uses its sidecar as a forward proxy, two versions of a service, a gateway. */
function mesh(ports: Ports): string {
  const version = (name: string, port: number) => `
apiVersion: v1
kind: Pod
metadata: { name: reviews-${name}, namespace: default, labels: { app: reviews, version: ${name} } }
spec: { serviceAccountName: reviews, containers: [{ name: reviews, image: reviews }] }
status: { phase: Running, podIP: 127.0.0.1 }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: reviews-${name}, namespace: default, labels: { kubernetes.io/service-name: reviews } }
addressType: IPv4
endpoints:
  - { addresses: [127.0.0.1], conditions: { ready: true }, targetRef: { kind: Pod, name: reviews-${name}, namespace: default } }
ports: [{ name: http, port: ${port} }]
`;
  return `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: default }
spec: { clusterIP: 10.96.0.6, selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
---${version("v1", ports.v1)}---${version("v2", ports.v2)}---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: client, namespace: default }
spec:
  workloadSelector: { labels: { app: client } }
  ingress:
    - port: { number: ${ports.inbound}, protocol: HTTP, name: http }
      bind: 127.0.0.1
      captureMode: NONE
      defaultEndpoint: 127.0.0.1:${ports.app}
  egress:
    - port: { number: ${ports.proxy}, protocol: HTTP_PROXY, name: http-proxy }
      bind: 127.0.0.1
      captureMode: NONE
      hosts: ["*/*"]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: default }
spec: { host: reviews, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gateway, namespace: default }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: ${ports.gateway}, name: http, protocol: HTTP }, bind: 127.0.0.1, hosts: ["*"] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: default }
spec:
  hosts: [reviews]
  http:
    - match: [{ headers: { end-user: { exact: jason } } }]
      route: [{ destination: { host: reviews, subset: v2 } }]
    - match: [{ uri: { prefix: /fault } }]
      fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }
      route: [{ destination: { host: reviews, subset: v1 } }]
    - match: [{ uri: { prefix: /old } }]
      rewrite: { uri: /new }
      headers: { request: { set: { x-set: "1" } }, response: { add: { x-added: "2" } } }
      route: [{ destination: { host: reviews, subset: v1 } }]
    - match: [{ uri: { prefix: /moved } }]
      redirect: { uri: /here, redirectCode: 302 }
    - route: [{ destination: { host: reviews, subset: v1 } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: outside, namespace: default }
spec:
  hosts: ["*"]
  gateways: [gateway]
  http:
    - match: [{ uri: { exact: /reviews } }]
      route: [{ destination: { host: reviews, subset: v2 } }]
`;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function get(port: number, path: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    })
      .on("error", reject)
      .end();
  });
}

/** An application that answers with its name and what it was asked. */
function startApp(name: string): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer(({ url, headers }, response) => {
      response.end(`${name} ${url} ${headers["x-set"] ?? "-"}`);
    });
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

const portOf = (server: Server) => (server.address() as AddressInfo).port; // listens on TCP

describeWithPeer("envoy", "real Envoy with translated configuration", (envoy) => {
  let folder: string;
  let ports: Ports;
  const apps: Server[] = [];
  const proxies: Child[] = [];

  async function startEnvoy(
    name: string,
    id: string,
    labels: Readonly<Record<string, string>>,
  ): Promise<void> {
    const snapshot = snapshotOf(parseText(mesh(ports)), {
      outboundTrafficPolicy: "ALLOW_ANY_DYNAMIC_DNS",
      accessLogFile: join(folder, `${name}.log`),
    });
    const view = viewOf(snapshot, {
      id,
      metadata: { INTERCEPTION_MODE: "NONE", LABELS: labels },
    });
    const resources = resourcesToJson(translate(view).value) as EnvoyResources; // resources are JSON objects
    const file = join(folder, `${name}.json`);
    await writeFile(file, JSON.stringify(toStaticBootstrap(resources)));
    const args = [
      "-c",
      file,
      "-l",
      "info",
      "--concurrency",
      "1",
      "--use-dynamic-base-id",
      "--file-flush-interval-msec",
      "50",
    ];
    proxies.push(await startChild(envoy, { args, ready: /starting main dispatch loop/ }));
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "weft-traffic-"));
    for (const name of ["app", "v1", "v2"]) apps.push(await startApp(name));
    const [proxy = 0, inbound = 0, gateway = 0] = await freePorts(3);
    const [app, v1, v2] = apps.map(portOf) as [number, number, number]; // three were started
    ports = { proxy, inbound, gateway, app, v1, v2 };
    await startEnvoy("sidecar", "sidecar~127.0.0.1~client-1.default~default.svc.cluster.local", {
      app: "client",
    });
    await startEnvoy("gateway", "router~127.0.0.1~gw-1.default~default.svc.cluster.local", {
      istio: "ingressgateway",
    });
  }, 30_000);

  afterAll(async () => {
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    for (const app of apps) app.close();
    await rm(folder, { recursive: true, force: true });
  });

  const jason = { "end-user": "jason" };
  it.each([
    ["http://reviews:9080/a?b=c", {}, 200, "v1 /a?b=c -"],
    ["http://reviews:9080/a", jason, 200, "v2 /a -"],
    ["http://reviews.default:9080/", jason, 200, "v2 / -"],
    ["http://reviews.default.svc.cluster.local:9080/", {}, 200, "v1 / -"],
    ["http://10.96.0.6:9080/", jason, 200, "v2 / -"],
    ["http://reviews:9080/old/x", {}, 200, "v1 /new/x 1"],
    ["http://reviews:9080/fault", {}, 418, "fault filter abort"],
    ["http://reviews:9080/moved", {}, 302, ""],
  ])("forwards %s with %j", async (url, headers, status, body) => {
    const answer = await get(ports.proxy, url, { host: new URL(url).host, ...headers });
    expect({ status: answer.status, body: answer.body }).toEqual({ status, body });
  });

  it("looks up hosts that no service stands for", async () => {
    const url = `http://localhost:${ports.v2}/x`;
    const answer = await get(ports.proxy, url, { host: new URL(url).host });
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 200, body: "v2 /x -" });
  });

  it("logs requests as Istio does", async () => {
    await get(ports.proxy, "http://reviews:9080/logged", { host: "reviews:9080", "user-agent": "spec" });
    let text = "";
    // Ends with the test's own time limit where the line never comes.
    while (!text.includes("GET /logged")) {
      await new Promise((resolve) => setImmediate(resolve));
      text = await readFile(join(folder, "sidecar.log"), "utf8");
    }
    const line = text.split("\n").find((one) => one.includes("GET /logged"));
    expect(line).toMatch(
      /^\[.+\] "GET \/logged HTTP\/1\.1" 200 - via_upstream - "-" 0 \d+ .+"spec" ".+" "reviews:9080" "127\.0\.0\.1:\d+" outbound\|9080\|v1\|reviews\.default/,
    );
  });

  it("changes headers of answers", async () => {
    const answer = await get(ports.proxy, "http://reviews:9080/old", { host: "reviews:9080" });
    expect(answer.headers).toMatchObject({ "x-added": "2" });
  });

  it("hands requests to the application", async () => {
    const answer = await get(ports.inbound, "/page", { host: "anything" });
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 200, body: "app /page -" });
    expect(answer.headers.server).toBe("istio-envoy");
  });

  it.each([
    ["/reviews", 200, "v2 /reviews -"],
    ["/other", 404, ""],
  ])("lets %s in through the gateway as its VirtualService says", async (path, status, body) => {
    const answer = await get(ports.gateway, path, { host: "www.example.com" });
    expect({ status: answer.status, body: answer.body }).toEqual({ status, body });
  });
});
