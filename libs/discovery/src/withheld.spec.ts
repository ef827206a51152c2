import { parseFile } from "@weft/config-sources";
import { typeUrls } from "@weft/envoy-api";
import { connectProxy, type ProxyClient } from "./testing/proxy-client.ts";
import { startPilot } from "./testing/start-pilot.ts";

const nodeId = "sidecar~10.0.0.9~client-1.default~default.svc.cluster.local";

/** A route to `web` that carries a header, and whatever else happens in the mesh. */
const mesh = (header: string, also = "") =>
  parseFile(
    "mesh.yaml",
    `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { clusterIP: 10.96.0.10, ports: [{ name: http, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: shares, namespace: default }
spec:
  hosts: [web]
  http: [{ headers: { request: { set: { x-share: "${header}" } } }, route: [{ destination: { host: web } }] }]
${also}`,
  ).objects;
const another = `---
apiVersion: v1
kind: Service
metadata: { name: other, namespace: default }
spec: { clusterIP: 10.96.0.11, ports: [{ name: http, port: 80 }] }
`;

describe("createPilot() with an object that proxies would reject", () => {
  it("leaves them what they had of it, sends all else, and says why", async () => {
    const { pilot, become } = await startPilot();
    const clients: ProxyClient[] = [];
    const table = ({ held }: ProxyClient) =>
      Buffer.from(held.get(typeUrls.route)?.get("80") ?? []).toString("latin1");
    const until = async (check: () => boolean) => {
      // The test's time limit ends a wait in vain.
      while (!check()) await new Promise((resolve) => setTimeout(resolve, 2));
    };
    const get = async (path: string) => (await fetch(`http://${pilot.addresses.http}${path}`)).text();
    try {
      const first = connectProxy(pilot.addresses.grpc, nodeId, "delta");
      clients.push(first);
      become(mesh("fifty"));
      await until(() => table(first).includes("fifty"));
      become(mesh("50%", another));
      await until(() => table(first).includes("other.default"));
      expect(table(first)).toContain("fifty");
      expect(table(first)).not.toContain("50%");

      const { withheld } = JSON.parse(await get("/debug/push_status"));
      expect(withheld).toMatchObject([
        {
          kind: "withheld",
          typeUrl: typeUrls.route,
          resource: "80 web.default.svc.cluster.local:80",
          object: "VirtualService default/shares",
          proxies: ["client-1.default"],
        },
      ]);
      expect(withheld[0].reason).toContain("x-share");
      expect(await get("/metrics")).toMatch(/^pilot_total_rejected_configs 1$/m);

      first.close();
      await until(() => pilot.engine.proxies.all.size === 0);
      const again = connectProxy(pilot.addresses.grpc, nodeId, "delta");
      clients.push(again);
      await until(() => table(again) !== "");
      expect(table(again)).toBe(table(first));

      become(mesh("half"));
      await until(() => table(again).includes("half"));
      expect(JSON.parse(await get("/debug/push_status")).withheld).toEqual([]);
    } finally {
      for (const client of clients) client.close();
      await pilot.close();
    }
  });
});
