import { anySidecar, generate, parseText, snapshotOf } from "../testing/mesh.ts";

const filter = `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: extension }
spec:
  configPatches:
  - applyTo: EXTENSION_CONFIG
    patch:
      operation: ADD
      value:
        name: my-fault
        typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault }
`;

describe("resourcesToJson()", () => {
  it("has a section for extensions where there are some", () => {
    expect(generate(snapshotOf(parseText(filter)), anySidecar).resources.extensions).toEqual({
      "my-fault": {
        name: "my-fault",
        typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault" },
      },
    });
    const { resources } = generate(snapshotOf([]), anySidecar);
    expect(Object.keys(resources)).toEqual(["clusters", "endpoints", "listeners", "routes", "secrets"]);
  });
});
