import { readFileSync } from "node:fs";
import { describeWithPeer, sharedFolder, toStaticBootstrap, validateWithEnvoy } from "./index.ts";

describeWithPeer("envoy", "validateWithEnvoy()", () => {
  const cluster = { name: "a", type: "EDS", eds_cluster_config: { eds_config: { ads: {} } } };
  const address = { socket_address: { address: "127.0.0.1", port_value: 80 } };
  const endpoints = { a: { cluster_name: "a", endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] } };

  it("accepts what Envoy accepts", async () => {
    expect(await validateWithEnvoy({ resources: { clusters: { a: cluster }, endpoints } })).toEqual([]);
  });

  it("says what Envoy says is wrong", async () => {
    const bad = { ...cluster, circuit_breakers: { thresholds: [{ priority: 7 }] } };
    const violations = await validateWithEnvoy({ resources: { clusters: { a: bad }, endpoints } });
    expect(violations.join("\n")).toContain("CircuitBreakersValidationError.Thresholds");
  });

  it("takes a bootstrap as it is", async () => {
    expect(await validateWithEnvoy({ bootstrap: toStaticBootstrap({}) })).toEqual([]);
    expect(await validateWithEnvoy({ bootstrap: { no_such_field: 1 } })).not.toEqual([]);
  });

  const recorded = sharedFolder("reference/istiod-1.29/00-plain/productpage.json");
  (recorded === undefined ? it.skip : it)(
    "accepts what istiod sends, but for Istio's own extensions",
    async () => {
      const text = readFileSync(recorded ?? "", "utf8");
      const resources = JSON.parse(text, (_key, value: unknown) =>
        Array.isArray(value)
          ? value.filter((item) => !/^istio\.|peer_metadata/.test(item?.name ?? ""))
          : value,
      );
      expect(await validateWithEnvoy({ resources })).toEqual([]);
    },
  );
});
