import { readdirSync } from "node:fs";
import { join } from "node:path";
import { deepFreeze } from "@weft/base";
import { typeUrls } from "@weft/envoy-api";
import { orders, readDocuments } from "@weft/testkit";
import { anySidecar, parseObjects, parseText, snapshotOf, viewOf } from "./testing/mesh.ts";
import { createTranslator, translate } from "./translate.ts";

const golden = join(import.meta.dirname, "../golden");
const inputs = readdirSync(golden)
  .filter((file) => file.endsWith(".in.yaml"))
  .map((file) => [file, parseObjects(readDocuments(join(golden, file)).slice(1))] as const);

const service = `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: default }
spec: { clusterIP: 10.96.0.6, selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
`;

const rule = (maxConnections: number) => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: default }
spec: { host: reviews, trafficPolicy: { connectionPool: { tcp: { maxConnections: ${maxConnections} } } } }
`;

describe("translate()", () => {
  it.each(inputs)("gives the same bytes whatever the order of its input: %s", (_, objects) => {
    const versions = orders(objects).map(
      (order) => translate(viewOf(snapshotOf(order), anySidecar)).value.version,
    );
    expect(new Set(versions).size).toBe(1);
  });

  it.each(inputs)("changes nothing it is given: %s", (_, objects) => {
    const view = viewOf(snapshotOf(objects), anySidecar);
    const version = translate(view).value.version;
    expect(translate(deepFreeze(view)).value.version).toBe(version);
  });

  it("says where each resource comes from", () => {
    const { value } = translate(viewOf(snapshotOf(parseText(`${service}---${rule(1)}`)), anySidecar));
    const cluster = value.ofType(typeUrls.cluster).get("outbound|9080||reviews.default.svc.cluster.local");
    expect(cluster?.origin.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "DestinationRule reviews",
      "Service reviews",
    ]);
  });
});

describe("createTranslator()", () => {
  const first = snapshotOf(parseText(`${service}---${rule(1)}`));

  it("gives what a fresh one gives, however often it was asked", () => {
    const translator = createTranslator();
    const view = viewOf(first, anySidecar);
    const versions = [1, 2, 3].map(() => translator.translate(view).value.version);
    expect(versions).toEqual(versions.map(() => translate(view).value.version));
  });

  it("shares what proxies have in common, and nothing that differs", () => {
    const translator = createTranslator();
    const [a, b] = ["10.0.0.1", "10.0.0.2"].map((ip, index) =>
      translator.translate(
        viewOf(first, {
          id: `sidecar~${ip}~client-${index}.default~default.svc.cluster.local`,
          metadata: { LABELS: { app: "client" }, ...(index === 0 ? {} : { ISTIO_VERSION: "1.29.0" }) },
        }),
      ),
    );
    const name = "outbound|9080||reviews.default.svc.cluster.local";
    const get = (type: string) => [a, b].map((result) => result?.value.ofType(type).get(name));
    const [endpointsA, endpointsB] = get(typeUrls.endpoint);
    const [clusterA, clusterB] = get(typeUrls.cluster);
    expect(clusterA?.version).not.toBe(clusterB?.version);
    expect(endpointsA?.version).toBe(endpointsB?.version);
  });

  it("sees a changed rule", () => {
    const translator = createTranslator();
    const second = snapshotOf(parseText(`${service}---${rule(2)}`));
    const versions = [first, second, first].map(
      (snapshot) => translator.translate(viewOf(snapshot, anySidecar)).value.version,
    );
    expect(versions[0]).toBe(versions[2]);
    expect(versions[0]).not.toBe(versions[1]);
    expect(versions[1]).toBe(translate(viewOf(second, anySidecar)).value.version);
  });
});
