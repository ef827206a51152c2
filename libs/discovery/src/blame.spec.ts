import { typeUrls } from "@weft/envoy-api";
import { createResourceSet, encodeResource } from "@weft/xds";
import { describeRejection } from "./blame.ts";

const cluster = (name: string, ...services: readonly string[]) => ({
  ...encodeResource(name, typeUrls.cluster, new Uint8Array()),
  origin: services.map((service) => ({
    apiVersion: "v1",
    kind: "Service",
    namespace: "default",
    name: service,
  })),
});

describe("describeRejection()", () => {
  const set = createResourceSet([
    cluster("outbound|80||a", "a"),
    cluster("outbound|80||b", "b", "shared"),
    cluster("outbound|80||c", "shared"),
  ]);

  it("names the objects of the resources that the message names, each once", () => {
    const message = "Error adding/updating cluster(s) outbound|80||b: bad, outbound|80||c: worse";
    expect(describeRejection(message, typeUrls.cluster, set)).toBe(
      `${message} (made from Service default/b, Service default/shared)`,
    );
  });

  it.each([
    ["no name", typeUrls.cluster, set],
    ["outbound|80||a", typeUrls.listener, set],
    ["outbound|80||a", typeUrls.cluster, undefined],
  ])("leaves %j as it is where nothing is known of it", (message, typeUrl, known) => {
    expect(describeRejection(message, typeUrl, known)).toBe(message);
  });
});
