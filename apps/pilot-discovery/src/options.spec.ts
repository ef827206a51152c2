import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startChild } from "@weft/testkit";
import { type DiscoveryFlags, parseAddress, readDiscoveryOptions } from "./options.ts";

const flags: DiscoveryFlags = {
  httpAddr: ":8080",
  grpcAddr: ":15010",
  secureGRPCAddr: ":15012",
  monitoringAddr: ":15014",
  configDir: [],
  registries: ["Files"],
  meshConfig: "/nonexistent",
  namespace: "istio-system",
  domain: "cluster.local",
  clusterID: "Kubernetes",
  shutdownDuration: "10s",
  log_output_level: "none",
};

describe("parseAddress()", () => {
  it.each([
    [":8080", { host: "", port: 8080 }],
    ["127.0.0.1:0", { host: "127.0.0.1", port: 0 }],
    ["[::1]:15010", { host: "::1", port: 15010 }],
    ["pilot:15010", { host: "pilot", port: 15010 }],
  ])("reads %s", (text, address) => {
    expect(parseAddress("--httpAddr", text)).toEqual(address);
  });

  it.each(["8080", "host", ":70000", "a:b:1", ""])("does not take %j", (text) => {
    expect(() => parseAddress("--httpAddr", text)).toThrow(
      `--httpAddr: ${JSON.stringify(text)} is no address, allowed are :PORT and HOST:PORT`,
    );
  });
});

describe("readDiscoveryOptions()", () => {
  it("reads the mesh configuration over Istio's defaults", async () => {
    const folder = mkdtempSync(join(tmpdir(), "weft-pilot-"));
    const meshConfig = join(folder, "mesh");
    writeFileSync(meshConfig, "trustDomain: example.org\nenableAutoMtls: false\n");
    const options = await readDiscoveryOptions(
      { ...flags, meshConfig, domain: "example" },
      { POD_NAME: "pilot-1" },
    );
    expect(options).toMatchObject({
      instance: "pilot-1",
      shutdownMs: 10_000,
      nats: undefined,
      meshConfig: { trustDomain: "example.org", enableAutoMtls: false, domainSuffix: "example" },
    });
    rmSync(folder, { recursive: true });
  });

  it.each([
    [{ registries: ["Consul"] }, "--registries: there is no Consul, allowed are Kubernetes, Files"],
    [{ shutdownDuration: "soon" }, "--shutdownDuration: soon is no duration such as 10s"],
    [{ secureGRPCAddr: "x" }, '--secureGRPCAddr: "x" is no address'],
    [{ grpcAddr: "x" }, '--grpcAddr: "x" is no address'],
  ])("says of %j: %s", async (more, message) => {
    await expect(readDiscoveryOptions({ ...flags, ...more }, {})).rejects.toThrow(message);
  });
});

describe("the variables for fetching keys", () => {
  it("say how often, and from which addresses never", async () => {
    const { jwks } = await readDiscoveryOptions(flags, {
      PILOT_JWT_PUB_KEY_REFRESH_INTERVAL: "5m",
      BLOCKED_CIDRS_IN_JWKS_URIS: "10.0.0.0/8, fd00::/8",
    });
    expect(jwks.refreshMs).toBe(300_000);
    expect(["10.1.2.3", "11.1.2.3"].map((address) => jwks.blocked?.check(address))).toEqual([true, false]);
    expect(jwks.blocked?.check("fd00::1", "ipv6")).toBe(true);
    expect((await readDiscoveryOptions(flags, {})).jwks).toEqual({});
  });

  it.each([
    ["PILOT_JWT_PUB_KEY_REFRESH_INTERVAL", "soon", "is no duration of at least 1s"],
    ["PILOT_JWT_PUB_KEY_REFRESH_INTERVAL", "1ms", "is no duration of at least 1s"],
    ["BLOCKED_CIDRS_IN_JWKS_URIS", "10.0.0.0", "is no range of addresses"],
    ["BLOCKED_CIDRS_IN_JWKS_URIS", "10.0.0.0/33", "is no range of addresses"],
  ])("are refused: %s=%s", async (name, value, message) => {
    await expect(readDiscoveryOptions(flags, { [name]: value })).rejects.toThrow(
      `${name}: ${value} ${message}`,
    );
  });
});

describe("the registries", () => {
  const inPod = { KUBERNETES_SERVICE_HOST: "10.96.0.1" };
  it.each([
    ["nothing", {}, {}, undefined],
    ["a kubeconfig", { kubeconfig: "f" }, {}, { kubeconfig: "f" }],
    ["a pod", {}, inPod, {}],
    ["a pod and folders", { configDir: ["mesh"] }, inPod, undefined],
    ["their name", { registries: ["Kubernetes"] }, {}, {}],
    ["the name of others", { registries: ["Files"], kubeconfig: "f" }, inPod, undefined],
  ])("from %s", async (_, more, env, kubernetes) => {
    const options = await readDiscoveryOptions({ ...flags, registries: [], ...more }, env);
    expect(options.kubernetes).toEqual(kubernetes);
  });
});

describe("pilot-discovery", () => {
  const main = join(import.meta.dirname, "main.ts");

  it("says where it listens, takes Istio's flags, and ends well at SIGTERM", async () => {
    const any = "127.0.0.1:0";
    const pilot = await startChild(process.execPath, {
      args: [
        "--no-warnings",
        main,
        "--httpAddr",
        any,
        "--grpcAddr",
        any,
        "--monitoringAddr",
        any,
        "--plugins",
        "x",
      ],
      // What it says last.
      ready: /xDS is served in plain text only/,
    });
    expect(pilot.output()).toMatch(/"http":"127\.0\.0\.1:\d+","grpc":"127\.0\.0\.1:\d+"/);
    expect(pilot.output()).toContain("--plugins has no effect: the filters are built in");
    await pilot.stop();
    expect(await pilot.exited).toBe(0);
  });
});
