import { systemClock } from "@weft/base";
import { createTokenReviewAuthenticator } from "@weft/identity";
import { connectKubernetes, type KubeApi } from "@weft/kubernetes";
import { silentLogger } from "@weft/observability";
import { Secret } from "@weft/pki";
import { type ApiServer, describeWithPeer, startApiServer } from "@weft/testkit";
import { publishRootBundle } from "./root-bundle.ts";
import { createSecretStorage } from "./secret-storage.ts";
import { reviewTokens } from "./token-review.ts";

describeWithPeer("kubernetes", "a CA on Kubernetes", (bin) => {
  let server: ApiServer;
  let api: KubeApi;
  beforeAll(async () => {
    server = await startApiServer(bin);
    api = await connectKubernetes({ kubeconfig: server.kubeconfig });
    await server.kubectl(["create", "namespace", "istio-system"]);
  }, 90_000);
  afterAll(() => server?.close(), 30_000);

  describe("createSecretStorage()", () => {
    const open = () => createSecretStorage({ api, namespace: "istio-system" });

    it("keeps entries in one Secret", async () => {
      const storage = open();
      expect(await storage.read("state.json")).toBeUndefined();
      await storage.write("state.json", new Secret("1"));
      await storage.write("root-a.pem", new Secret("é"));
      await storage.write("state.json", new Secret("2"));
      expect((await open().read("state.json"))?.expose()).toBe("2");
      expect((await open().read("root-a.pem"))?.expose()).toBe("é");
      await storage.remove("root-a.pem");
      await storage.remove("root-a.pem");
      expect(await storage.read("root-a.pem")).toBeUndefined();
    });

    it("lets one of many create an entry, and loses none of many writes at once", async () => {
      const tries = Array.from({ length: 4 }, (_, index) => open().create("first", new Secret(`${index}`)));
      expect((await Promise.all(tries)).filter((won) => won)).toHaveLength(1);
      await Promise.all([1, 2, 3, 4].map((index) => open().write(`entry-${index}`, new Secret("x"))));
      const read = await Promise.all([1, 2, 3, 4].map((index) => open().read(`entry-${index}`)));
      expect(read.map((secret) => secret?.expose())).toEqual(["x", "x", "x", "x"]);
    });

    it("says which Secret it cannot write, and why", async () => {
      const storage = createSecretStorage({ api, namespace: "nowhere" });
      await expect(storage.write("a", new Secret("1"))).rejects.toThrow(
        'Secret nowhere/istio-ca-secret: cannot write it: namespaces "nowhere" not found',
      );
    });
  });

  describe("reviewTokens()", () => {
    const authenticate = async (token: string) =>
      createTokenReviewAuthenticator({
        review: reviewTokens(api),
        trustDomain: "cluster.local",
        clock: systemClock,
      }).authenticate({ token: new Secret(token) });
    const tokenFor = async (audience: string) =>
      (await server.kubectl(["create", "token", "web", "-n", "default", "--audience", audience])).trim();

    beforeAll(() => server.kubectl(["create", "serviceaccount", "web", "-n", "default"]));

    it("takes a service account's token for the CA, and gives its identity", async () => {
      expect(await authenticate(await tokenFor("istio-ca"))).toMatchObject({
        kind: "caller",
        identity: { namespace: "default", serviceAccount: "web" },
      });
    });

    it("refuses one for another audience, and one that Kubernetes did not make", async () => {
      const own = "https://kubernetes.default.svc.cluster.local";
      expect(await authenticate(await tokenFor(own))).toMatchObject({ kind: "refused" });
      const token = await tokenFor("istio-ca");
      expect(await authenticate(`${token.slice(0, -8)}AAAAAAAA`)).toMatchObject({ kind: "refused" });
    });
  });

  describe("publishRootBundle()", () => {
    const bundleOf = async (namespace: string): Promise<string> =>
      server
        .kubectl([
          "get",
          "configmap",
          "istio-ca-root-cert",
          "-n",
          namespace,
          "-o",
          "jsonpath={.data.root-cert\\.pem}",
        ])
        .catch(() => "");
    const until = async (namespace: string, bundle: string) => {
      while ((await bundleOf(namespace)) !== bundle) await new Promise((resolve) => setTimeout(resolve, 50));
    };

    it("is in every namespace, stays, and changes with the roots", async () => {
      let roots = "one";
      const publisher = publishRootBundle({
        api,
        roots: () => roots,
        logger: silentLogger,
        clock: systemClock,
      });
      try {
        await until("default", "one");
        await server.kubectl(["create", "namespace", "later"]);
        await until("later", "one");
        await server.kubectl(["delete", "configmap", "istio-ca-root-cert", "-n", "later"]);
        await until("later", "one");
        const forged = '{"data":{"root-cert.pem":"forged"}}';
        await server.kubectl(["patch", "configmap", "istio-ca-root-cert", "-n", "default", "-p", forged]);
        await until("default", "one");
        roots = "two";
        await publisher.update();
        expect(await bundleOf("later")).toBe("two");
        expect(await bundleOf("default")).toBe("two");
        expect(await bundleOf("kube-public")).toBe("");
      } finally {
        await publisher.close();
      }
    }, 30_000);
  });
});
