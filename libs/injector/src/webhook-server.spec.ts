import { request } from "node:https";
import { text } from "node:stream/consumers";
import { systemClock } from "@weft/base";
import { silentLogger } from "@weft/observability";
import { type CertificateKeeper, keepCertificate } from "./certificate.ts";
import { readSettings } from "./settings.ts";
import { startWebhookServer, type WebhookServer } from "./webhook-server.ts";

const name = "istio-sidecar-injector.istio-system.svc";
const settings = readSettings({}, { revision: "default", nativeSidecars: true });
const pod = {
  metadata: { generateName: "web-abc-", labels: { app: "web" }, annotations: {} as Record<string, string> },
  spec: { containers: [{ name: "web", image: "web:1" }] },
};
const review = (object: object, more: object = {}) => ({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: { uid: "u1", kind: { kind: "Pod" }, namespace: "shop", operation: "CREATE", object, ...more },
});

describe("startWebhookServer()", () => {
  let certificate: CertificateKeeper;
  let server: WebhookServer;
  beforeAll(async () => {
    certificate = await keepCertificate({
      dnsNames: [name],
      ca: undefined,
      logger: silentLogger,
      clock: systemClock,
    });
    server = await startWebhookServer({
      host: "127.0.0.1",
      port: 0,
      certificate: certificate.current,
      settings: () => settings,
      logger: silentLogger,
    });
  });
  afterAll(async () => {
    certificate.close();
    await server.close();
  });

  /** Asks as the API server does: by the caBundle, and by the Service's name. */
  const ask = async (body: unknown, path = "/inject", headers = {}, method = "POST") => {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
    const call = request(
      {
        host: "127.0.0.1",
        port: server.port,
        path,
        method,
        servername: name,
        ca: certificate.current.roots,
        agent: false,
        headers: { "content-type": "application/json", ...headers },
      },
      (answer) => text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject),
    );
    call.on("error", reject);
    call.end(typeof body === "string" ? body : JSON.stringify(body));
    return promise;
  };
  const answerTo = async (...args: Parameters<typeof ask>) => JSON.parse((await ask(...args)).body).response;
  const patchOf = ({ patch }: { readonly patch: string }) =>
    JSON.parse(Buffer.from(patch, "base64").toString()) as {
      readonly path: string;
      readonly value: unknown;
    }[];

  it("answers a pod with the patch that injects it, and says nothing of its namespace", async () => {
    const response = await answerTo(review(pod));
    expect(response).toMatchObject({ uid: "u1", allowed: true, patchType: "JSONPatch" });
    const patch = patchOf(response);
    expect(JSON.stringify(patch)).toContain('"istio-proxy"');
    expect(patch.map(({ path }) => path)).not.toContain("/metadata/namespace");
  });

  it("sets what the path says for the proxy", async () => {
    const patch = patchOf(await answerTo(review(pod), "/inject/cluster/east"));
    expect(JSON.stringify(patch)).toContain('{"name":"ISTIO_META_CLUSTER_ID","value":"east"}');
    expect(JSON.stringify(patch)).not.toContain('{"name":"ISTIO_META_CLUSTER_ID","value":"Kubernetes"}');
  });

  it.each([
    ["by its label", { ...pod, metadata: { labels: { "sidecar.istio.io/inject": "false" } } }, {}],
    ["on the host's network", { ...pod, spec: { ...pod.spec, hostNetwork: true } }, {}],
    ["in a namespace of Kubernetes", pod, { namespace: "kube-system" }],
  ])("lets a pod be that is not to be injected: %s", async (_, object, more) => {
    expect(await answerTo(review(object, more))).toEqual({ uid: "u1", allowed: true });
  });

  it("refuses a pod with an annotation that cannot be read, and names it", async () => {
    const annotations = { "sidecar.istio.io/proxyCPU": "much" };
    const response = await answerTo(review({ ...pod, metadata: { ...pod.metadata, annotations } }));
    expect(response).toMatchObject({ allowed: false, status: { code: 422 } });
    expect(response.status.message).toContain('annotation sidecar.istio.io/proxyCPU: "much"');
  });

  it("refuses what is no pod", async () => {
    expect(await answerTo(review({}, { kind: { kind: "Service" } }))).toMatchObject({
      allowed: false,
      status: { code: 400, message: "Service cannot be injected, only Pod can" },
    });
  });

  it.each([
    ["no JSON", "{", 400, "no JSON"],
    ["no review", {}, 400, "no AdmissionReview"],
    [
      "an old review",
      { kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1beta1" },
      400,
      "understood is",
    ],
    [
      "no request",
      { kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1" },
      400,
      "request: is missing",
    ],
    ["no object", review(null as unknown as object), 400, "request.object: is missing"],
    ["too much", " ".repeat(8 * 1024 * 1024), 413, "larger than"],
  ])("answers %s with %d", async (_, body, status, message) => {
    const answer = await ask(body);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(message);
  });

  it.each([
    ["/other", {}, "POST", 404],
    ["/inject", {}, "GET", 405],
    ["/inject", { "content-type": "text/plain" }, "POST", 415],
  ])("answers %s %j %s with %d", async (path, headers, method, status) => {
    expect((await ask("", path, headers, method)).status).toBe(status);
  });
});
