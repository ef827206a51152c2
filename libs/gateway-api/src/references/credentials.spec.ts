import type { MeshObject } from "@weft/mesh-model";
import { readCredentials } from "./credentials.ts";

const object = (kind: string, name: string, body: Readonly<Record<string, unknown>>): MeshObject => ({
  apiVersion: "v1",
  kind,
  metadata: { name, namespace: "infra", labels: {}, annotations: {} },
  body,
});

describe("readCredentials()", () => {
  it("takes references on trust where no such objects are read", () => {
    const credentials = readCredentials([], []);
    expect(credentials.keyPair("infra", "any")).toBe("unknown");
    expect(credentials.authorities("ConfigMap", "infra", "any")).toBe("unknown");
  });

  it.each([
    ["absent", "missing", {}],
    [{ problem: "it has none of the keys tls.crt and tls.key; it has none" }, "pair", {}],
    [
      { problem: "it has none of the keys tls.crt and tls.key; it has tls.crt" },
      "pair",
      { stringData: { "tls.crt": "x" } },
    ],
    [
      { problem: "the certificate or its key is malformed: both must be PEM" },
      "pair",
      { data: { "tls.crt": "eA==", "tls.key": "eA==" } },
    ],
    [
      { problem: "it has none of the keys tls.crt and tls.key; it has none" },
      "pair",
      { data: { "tls.crt": 5 } },
    ],
    [{ problem: "it has none of the keys tls.crt and tls.key; it has none" }, "pair", { data: null }],
  ])("says %j of a pair named %s with %j", (expected, name, body) => {
    expect(readCredentials([object("Secret", "pair", body)], []).keyPair("infra", name)).toEqual(expected);
  });

  it("finds authorities in ConfigMaps, which are plain text", () => {
    const credentials = readCredentials([], [object("ConfigMap", "ca", { data: { "ca.crt": "no PEM" } })]);
    expect(credentials.authorities("ConfigMap", "infra", "ca")).toEqual({
      problem: "the certificate in ca.crt is malformed: it must be PEM",
    });
    expect(credentials.authorities("ConfigMap", "infra", "other")).toBe("absent");
  });
});
