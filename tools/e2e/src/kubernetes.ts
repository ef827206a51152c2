// npm run e2e:kubernetes: a mesh on a real cluster, from its images to a refused request.
import { join } from "node:path";
import { down, up } from "../../cluster/src/cluster.ts";
import { attempt, ClusterError, run, waitFor } from "../../cluster/src/command.ts";
import { daemons } from "../../cluster/src/daemon.ts";
import { layout } from "../../cluster/src/layout.ts";
import { images } from "../../images/src/bundle.ts";
import { buildImages } from "../../images/src/docker.ts";
import { findPeer } from "../../peers/src/locate.ts";

const checkout = join(import.meta.dirname, "../../..");
const at = layout();
const log = (line: string) => void process.stdout.write(`${line}\n`);

/** Runs kubectl as the administrator of the cluster. */
function kubectl(args: readonly string[], input?: string): Promise<string> {
  const bin = join(findPeer("kubernetes") as string, "kubectl"); // There once the cluster is up.
  return run(bin, ["--kubeconfig", at.kubeconfig, ...args], input === undefined ? {} : { input });
}

/** Runs a step, and prints its time. */
async function step(what: string, work: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  try {
    await work();
  } catch (error) {
    log(`FAILED after ${((performance.now() - started) / 1000).toFixed(1)} s: ${what}`);
    throw error;
  }
  log(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${what}`);
}

/** What a pod got of a URL: a status and a body, or the reason why there is none. */
interface Fetched {
  readonly status: number;
  readonly body: string;
}

const fetchProgram = `const [url] = process.argv.slice(1);
  try { const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
    console.log(JSON.stringify({ status: answer.status, body: await answer.text() }));
  } catch (error) { console.log(JSON.stringify({ status: 0, body: error.cause?.message ?? error.message })); }`;

/** Asks from inside a pod, by the application's own runtime. */
async function fetchFrom(namespace: string, pod: string, container: string, url: string): Promise<Fetched> {
  const node = ["node", "--input-type=module", "-e", fetchProgram, url];
  return JSON.parse(await kubectl(["exec", "-n", namespace, pod, "-c", container, "--", ...node])) as Fetched;
}

const fromMesh = (url: string) => fetchFrom("default", "deploy/ratings-v1", "ratings", url);
const fromOutside = (url: string) => fetchFrom("outside", "pod/client", "client", url);

async function gatewayUrl(path: string): Promise<string> {
  const args = [
    "get",
    "service",
    "istio-ingressgateway",
    "-n",
    "istio-system",
    "-o",
    "jsonpath={.spec.clusterIP}",
  ];
  return `http://${await kubectl(args)}${path}`;
}

async function fromGateway(path: string): Promise<Fetched> {
  try {
    const answer = await fetch(await gatewayUrl(path), { signal: AbortSignal.timeout(5_000) });
    return { status: answer.status, body: await answer.text() };
  } catch (error) {
    return { status: 0, body: String(error) };
  }
}

/** Waits for an answer as wanted; says what came instead. */
async function expectAnswer(
  what: string,
  ask: () => Promise<Fetched>,
  wanted: (answer: Fetched) => boolean,
  seconds = 20,
): Promise<void> {
  let last: Fetched | undefined;
  try {
    await waitFor(
      what,
      async () => {
        last = await ask();
        return wanted(last) || undefined;
      },
      { seconds },
    );
  } catch {
    throw new ClusterError(
      `${what}: not within ${seconds} s; the last answer was ${JSON.stringify(last).slice(0, 300)}`,
    );
  }
}

const ok = ({ status }: Fetched) => status === 200;
const apply = (object: object) => kubectl(["apply", "-f", "-"], JSON.stringify(object));
const istio = (group: string, kind: string, name: string, spec: object) => ({
  apiVersion: `${group}.istio.io/v1`,
  kind,
  metadata: { name, namespace: "default" },
  spec,
});

async function importImages(): Promise<void> {
  const socket = at.containerdSocket;
  const names = images.map(({ name }) => `weft/${name}:0.1.0`);
  await run("sh", [
    "-c",
    `docker save ${names.join(" ")} | ctr --address ${socket} -n k8s.io images import -`,
  ]);
}

async function readyPods(namespace: string, containers: number, pods: number): Promise<void> {
  await waitFor(
    `${pods} pods of ${namespace} with ${containers} ready containers`,
    async () => {
      const list = await kubectl(["get", "pods", "-n", namespace, "--no-headers"]);
      const ready = list.split("\n").filter((line) => line.includes(` ${containers}/${containers} `));
      return ready.length === pods || undefined;
    },
    { seconds: 120, everyMs: 500 },
  );
}

const client = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "client", namespace: "outside" },
  spec: {
    containers: [
      {
        name: "client",
        image: "weft/bookinfo:0.1.0",
        imagePullPolicy: "IfNotPresent",
        command: ["node", "-e", "setInterval(() => {}, 1e6)"],
      },
    ],
  },
};

async function story(): Promise<void> {
  await step("kubectl apply -k k8s/overlays/minimal", () =>
    kubectl(["apply", "-k", join(checkout, "k8s/overlays/minimal")]),
  );
  await step("the control plane and the gateway are ready", () => readyPods("istio-system", 1, 4));
  await step("kubectl label namespace default istio-injection=enabled; apply bookinfo", async () => {
    await kubectl(["label", "namespace", "default", "istio-injection=enabled", "--overwrite"]);
    const folder = join(checkout, "examples/bookinfo");
    await kubectl(["apply", "-f", join(folder, "kube"), "-f", join(folder, "istio")]);
    await kubectl(["create", "namespace", "outside"]);
    await apply(client);
  });
  await step("bookinfo is READY 2/2", () => readyPods("default", 2, 6));
  await step("a pod without the label is not injected", () => readyPods("outside", 1, 1));
  await step("traffic from a pod", () =>
    expectAnswer("productpage", () => fromMesh("http://productpage:9080/api/v1/products/0/reviews"), ok),
  );
  await step("traffic through the ingress gateway", () =>
    expectAnswer("/productpage", () => fromGateway("/productpage"), ok),
  );
  await step("STRICT mutual TLS: the mesh answers itself and the gateway, and refuses others", async () => {
    await apply(istio("security", "PeerAuthentication", "default", { mtls: { mode: "STRICT" } }));
    const url = "http://details.default:9080/details/0";
    await expectAnswer(
      "a pod outside is refused",
      () => fromOutside(url),
      ({ status }) => status === 0,
    );
    await expectAnswer("a pod of the mesh is answered", () => fromMesh(url), ok);
    await expectAnswer("the gateway is answered", () => fromGateway("/productpage"), ok);
  });
  await step("an AuthorizationPolicy is enforced", async () => {
    const principals = ["cluster.local/ns/default/sa/bookinfo-productpage"];
    const rules = [{ from: [{ source: { principals } }] }];
    const selector = { matchLabels: { app: "details" } };
    await apply(istio("security", "AuthorizationPolicy", "details", { selector, action: "ALLOW", rules }));
    const url = "http://details:9080/details/0";
    await expectAnswer(
      "ratings is denied",
      () => fromMesh(url),
      ({ status }) => status === 403,
    );
  });
  await step("a VirtualService changes traffic", async () => {
    const route = [{ destination: { host: "reviews", subset: "v3" } }];
    await apply(istio("networking", "VirtualService", "reviews", { hosts: ["reviews"], http: [{ route }] }));
    const wanted = ({ body }: Fetched) => body.includes('"podname":"reviews-v3');
    const ask = () => fromMesh("http://reviews:9080/reviews/0");
    // Each question takes a kubectl exec.
    await expectAnswer("reviews-v3 answers", ask, wanted, 5);
  });
  await step("real Envoy beside details: the same answers, the same denial", async () => {
    const annotations = { "sidecar.istio.io/proxyImage": "weft/proxy-envoy:0.1.0" };
    const patch = JSON.stringify({ spec: { template: { metadata: { annotations } } } });
    await kubectl(["patch", "deployment", "details-v1", "-p", patch]);
    await kubectl(["rollout", "status", "deployment/details-v1", "--timeout=60s"]);
    await expectAnswer(
      "productpage reaches details",
      () => fromGateway("/productpage"),
      ({ body }) => body.includes("PublisherA"),
    );
    const url = "http://details:9080/details/0";
    await expectAnswer(
      "ratings is denied",
      () => fromMesh(url),
      ({ status }) => status === 403,
    );
  });
}

/** What the pods look like, for whoever has to find out why a step failed. */
async function describeFailure(): Promise<void> {
  const bin = join(findPeer("kubernetes") ?? "", "kubectl");
  const show = async (...args: readonly string[]) => {
    const text = await attempt(bin, ["--kubeconfig", at.kubeconfig, ...args]);
    if (text) log(text.trimEnd());
  };
  await show("get", "pods", "-A", "-o", "wide");
  await show("logs", "-n", "istio-system", "deploy/pilot-discovery", "--tail=10");
  await show("logs", "-n", "istio-system", "deploy/istio-ingressgateway", "--tail=10");
  await show("logs", "deploy/ratings-v1", "-c", "istio-proxy", "--tail=10");
}

async function main(args: readonly string[]): Promise<void> {
  const unknown = args.find((arg) => arg !== "--keep" && arg !== "--no-images");
  if (unknown !== undefined) throw new ClusterError(`${unknown}: allowed are --keep and --no-images`);
  const wasUp = daemons(at).some(({ running }) => running);
  const started = performance.now();
  try {
    if (!args.includes("--no-images")) await step("images are built", () => buildImages(images, log));
    await step("the cluster is up", () => up(at, () => {}));
    if (!args.includes("--no-images") || !wasUp) await step("images are imported", importImages);
    await story();
    log(`e2e:kubernetes passed in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  } catch (error) {
    await describeFailure();
    throw error;
  } finally {
    if (!wasUp && !args.includes("--keep")) await step("the cluster is down", () => down(at, () => {}));
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`e2e:kubernetes: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
