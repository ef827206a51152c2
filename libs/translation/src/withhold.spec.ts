import { typeUrls } from "@weft/envoy-api";
import { anySidecar, parseText, snapshotOf, viewOf } from "./testing/mesh.ts";
import { translate } from "./translate.ts";

const services = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.10, selector: { app: web }, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: shop }
spec: { clusterIP: 10.96.0.11, selector: { app: shop }, ports: [{ name: http, port: 80 }] }
---
`;
const translated = (yaml: string) => translate(viewOf(snapshotOf(parseText(services + yaml)), anySidecar));
const virtualService = (spec: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: broken }
spec: ${spec}
`;

describe("translate() of what Envoy would reject", () => {
  it("withholds a virtual host alone, and says which object is to blame", () => {
    const { value, problems } = translated(
      virtualService(
        `{ hosts: [web], http: [{ headers: { request: { set: { x-share: "50%" } } }, route: [{ destination: { host: web } }] }] }`,
      ),
    );
    const table = value.ofType(typeUrls.route).get("80");
    const text = Buffer.from(table?.any ?? []).toString("latin1");
    expect(text).toContain("shop.default.svc.cluster.local:80");
    expect(text).not.toContain("web.default.svc.cluster.local:80");
    expect(value.withheld).toMatchObject([
      { typeUrl: typeUrls.route, name: "80", part: "web.default.svc.cluster.local:80" },
    ]);
    expect(problems.filter(({ code }) => code === "rejected-resource")).toMatchObject([
      { severity: "error", object: { kind: "VirtualService", name: "broken" } },
    ]);
    expect(problems[0]?.message).toContain('x-share: "50%" is no format string');
  });

  it("withholds a cluster that its rules forbid, and sends the others", () => {
    const { value } = translated(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: broken }
spec: { host: web, trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: x, ringHash: { minimumRingSize: 9000000 } } } } }
`);
    expect([...value.ofType(typeUrls.cluster).keys()]).not.toContain(
      "outbound|80||web.default.svc.cluster.local",
    );
    expect(value.ofType(typeUrls.cluster).has("outbound|80||shop.default.svc.cluster.local")).toBe(true);
    expect(value.withheld?.map(({ reason, origin }) => [reason, origin[0]?.kind])).toEqual([
      [expect.stringContaining("ring_hash_lb_config.minimum_ring_size: "), "DestinationRule"],
    ]);
  });

  it("withholds nothing of what is sound", () => {
    expect(translated("").value.withheld).toBeUndefined();
  });
});
