import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { parseFile } from "@weft/config-sources";
import { typeUrls } from "@weft/envoy-api";
import { connectProxy } from "../testing/proxy-client.ts";
import { startPilot } from "../testing/start-pilot.ts";

const policy = (uri: string) =>
  parseFile(
    "policy.yaml",
    `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens, namespace: default }
spec: { jwtRules: [{ issuer: "https://issuer.example.com", jwksUri: "${uri}" }] }
`,
  ).objects;

describe("createPilot() with a RequestAuthentication", () => {
  let server: Server | undefined;
  afterEach(() => void server?.close());

  it("gives proxies keys that nobody has, then those of the issuer, then its new ones", async () => {
    let key: string | undefined;
    server = createServer((_, response) => {
      if (key === undefined) response.writeHead(500).end();
      else response.end(JSON.stringify({ keys: [{ kty: "EC", kid: key }] }));
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo; // listens on TCP
    const { pilot, become } = await startPilot({ jwks: { refreshMs: 20 } });
    const proxy = connectProxy(
      pilot.addresses.grpc,
      "sidecar~10.0.0.9~web-1.default~default.svc.cluster.local",
      "delta",
    );
    const has = async (text: string) => {
      // The test's time limit ends a wait in vain.
      for (;;) {
        const listener = proxy.held.get(typeUrls.listener)?.get("virtualInbound") ?? [];
        if (Buffer.from(listener).toString("latin1").includes(text)) return;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    };
    try {
      become(policy(`http://127.0.0.1:${port}/keys`));
      await has('"kid":"nobody"');
      key = "first";
      await has('"kid":"first"');
      key = "second";
      await has('"kid":"second"');
      const metrics = await (await fetch(`http://${pilot.addresses.monitoring}/metrics`)).text();
      expect(metrics).toMatch(/^pilot_jwks_resolver_network_fetch_success_total(\{.*\})? [1-9]/m);
      expect(metrics).toMatch(/^pilot_jwks_resolver_network_fetch_fail_total(\{.*\})? [1-9]/m);
    } finally {
      proxy.close();
      await pilot.close();
    }
  });
});
