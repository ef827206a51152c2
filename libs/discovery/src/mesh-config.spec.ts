import { defaultMeshConfig } from "@weft/istio-api";
import { decodeMeshConfig } from "./mesh-config.ts";

describe("decodeMeshConfig()", () => {
  it("lays what is given over the defaults", () => {
    const { value, problems } = decodeMeshConfig({
      connectTimeout: "3s",
      outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
      pathNormalization: { normalization: "NONE" },
      accessLogFile: "/dev/stdout",
    });
    expect(problems).toEqual([]);
    expect(value).toEqual({
      ...defaultMeshConfig,
      connectTimeoutMs: 3000,
      outboundTrafficPolicy: "REGISTRY_ONLY",
      pathNormalization: "NONE",
      accessLogFile: "/dev/stdout",
    });
  });

  it("says what is wrong and keeps the default", () => {
    const { value, problems } = decodeMeshConfig({
      connectTimeout: 3,
      h2UpgradePolicy: "MAYBE",
      outboundTrafficPolicy: "REGISTRY_ONLY",
      caCertificates: [],
    });
    expect(value).toEqual(defaultMeshConfig);
    expect(problems.map(({ severity, path, message }) => `${severity} ${path} ${message}`)).toEqual([
      'error connectTimeout must be a duration such as "10s", is 3',
      'error h2UpgradePolicy must be DO_NOT_UPGRADE or UPGRADE, is "MAYBE"',
      'error outboundTrafficPolicy must be {mode: ALLOW_ANY or REGISTRY_ONLY or ALLOW_ANY_DYNAMIC_DNS}, is "REGISTRY_ONLY"',
      "warning caCertificates is not read and has no effect",
    ]);
  });

  it("reads mappings field by field", () => {
    const sound = {
      defaultHttpRetryPolicy: { attempts: 3, retryOn: "5xx", perTryTimeout: "2s" },
      defaultProviders: { accessLogging: ["envoy"] },
      tcpKeepalive: { probes: 3, time: "30s" },
    };
    expect(decodeMeshConfig(sound)).toEqual({ value: { ...defaultMeshConfig, ...sound }, problems: [] });
    const { value, problems } = decodeMeshConfig({
      defaultHttpRetryPolicy: { retryOn: 503 },
      defaultProviders: { accessLogging: "envoy" },
      tcpKeepalive: { time: 30 },
    });
    expect(value).toEqual(defaultMeshConfig);
    expect(problems.map(({ path }) => path)).toEqual([
      "defaultHttpRetryPolicy",
      "defaultProviders",
      "tcpKeepalive",
    ]);
  });

  it.each([undefined, null])("gives the defaults for %s", (raw) => {
    expect(decodeMeshConfig(raw)).toEqual({ value: defaultMeshConfig, problems: [] });
  });

  it("does not take a list", () => {
    expect(decodeMeshConfig([]).problems).toHaveLength(1);
  });
});
