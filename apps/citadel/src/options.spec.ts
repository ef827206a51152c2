import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startChild } from "@weft/testkit";
import type { CitadelFlags } from "./flags.ts";
import { defaultStateFolder, readCitadelOptions } from "./options.ts";

const flags: CitadelFlags = {
  citadelStorageNamespace: "istio-system",
  selfSignedCaCertTtl: "87600h",
  trustDomain: "cluster.local",
  workloadCertTtl: "24h",
  maxWorkloadCertTtl: "2160h",
  bindAddress: "",
  grpcPort: "8060",
  secureGrpcPort: "15012",
  adminPort: "8061",
  adminAccounts: [],
  monitoringPort: "15014",
  customDnsNames: [],
  appendDnsNames: "true",
  tokenAudience: [],
  trustedNodeAccounts: [],
  shutdownDuration: "10s",
  log_output_level: "none",
};

describe("readCitadelOptions()", () => {
  it("has defaults for everything", () => {
    const options = readCitadelOptions(flags, { XDG_STATE_HOME: "/state", POD_NAME: "citadel-1" });
    expect(options).toMatchObject({
      stateFolder: "/state/weft/citadel",
      cacerts: undefined,
      ttl: { defaultMs: 86_400_000, maxMs: 90 * 86_400_000 },
      grpc: [
        { host: "", port: 15012 },
        { host: "", port: 8060 },
      ],
      admin: { host: "127.0.0.1", port: 8061 },
      monitoring: { host: "", port: 15014 },
      audiences: ["istio-ca"],
      oidc: undefined,
      auditFile: "/state/weft/citadel/audit.log",
      instance: "citadel-1",
    });
    expect(options.dnsNames).toContain("istiod.istio-system.svc");
    expect(defaultStateFolder({})).toMatch(/\.local\/state\/weft\/citadel$/);
  });

  it("takes the operator's files by folder, by name, or both", () => {
    expect(readCitadelOptions({ ...flags, cacertsDir: "/c", signingKey: "/k" }, {}).cacerts).toEqual({
      caCert: "/c/ca-cert.pem",
      caKey: "/k",
      rootCert: "/c/root-cert.pem",
      certChain: "/c/cert-chain.pem",
    });
  });

  it("takes one port alone, names of the CA's own, and of accounts", () => {
    const customDnsNames = [
      "ca.example",
      "pilot-discovery.istio-system:pilot.example",
      "web.shop:web.example",
    ];
    const { grpc, dnsNames, accountNames } = readCitadelOptions(
      { ...flags, grpcPort: "none", customDnsNames },
      {},
    );
    expect(grpc).toEqual([{ host: "", port: 15012 }]);
    expect(dnsNames).toContain("ca.example");
    expect(accountNames.get("istio-system/pilot-discovery")).toEqual(
      expect.arrayContaining(["pilot.example", "istiod.istio-system.svc"]),
    );
    expect(accountNames.get("shop/web")).toEqual(["web.example"]);
    const none = readCitadelOptions({ ...flags, appendDnsNames: "false" }, {});
    expect(none.accountNames.size).toBe(0);
  });

  it.each<[Partial<CitadelFlags>, string]>([
    [{ customDnsNames: ["web:x"] }, '"web:x" is neither a name nor of the form ACCOUNT.NAMESPACE:NAME'],
    [{ workloadCertTtl: "1d" }, "--workload-cert-ttl: 1d is no duration such as 24h"],
    [{ maxWorkloadCertTtl: "0" }, "--max-workload-cert-ttl"],
    [{ grpcPort: "70000" }, '--grpc-port: "70000" is no port, allowed are 0 to 65535'],
    [{ signingCert: "x" }, "--signing-key is missing"],
    [{ selfSignedCa: true, cacertsDir: "/c" }, "--self-signed-ca: not together with"],
    [{ oidcIssuer: "x" }, "--oidc-issuer and --oidc-jwks go together"],
    [{ trustedNodeAccounts: ["ztunnel"] }, "is not of the form NAMESPACE/SERVICE_ACCOUNT"],
    [{ log_output_level: "loud" }, "--log_output_level"],
  ])("refuses %j", (more, message) => {
    expect(() => readCitadelOptions({ ...flags, ...more }, {})).toThrow(message);
  });
});

describe("citadel", () => {
  const main = join(import.meta.dirname, "main.ts");

  it("starts with a CA of its own, makes tokens, takes Istio's flags, and ends well at SIGTERM", async () => {
    const state = mkdtempSync(join(tmpdir(), "weft-citadel-"));
    const ports = [
      "--secure-grpc-port",
      "0",
      "--grpc-port",
      "0",
      "--admin-port",
      "0",
      "--monitoring-port",
      "0",
    ];
    const args = [
      main,
      "--bind-address",
      "127.0.0.1",
      ...ports,
      "--state-dir",
      join(state, "ca"),
      "--sds-enabled",
    ];
    const start = () =>
      startChild(process.execPath, { args: ["--no-warnings", ...args], ready: /"message":"listening"/ });
    const citadel = await start();
    expect(citadel.output()).toContain("--sds-enabled has no effect");
    const root = /"subject":"([^"]+)"/.exec(citadel.output())?.[1];
    await citadel.stop();
    expect(await citadel.exited).toBe(0);

    const again = await start();
    expect(again.output()).toContain(`"subject":"${root}"`);
    await again.stop();

    const token = await startChild(process.execPath, {
      args: [
        "--no-warnings",
        main,
        "token",
        "--state-dir",
        join(state, "ca"),
        "--namespace",
        "a",
        "--service-account",
        "b",
      ],
    });
    expect(await token.exited).toBe(0);
    const [, payload = ""] = token.output().trim().split(".");
    expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toMatchObject({
      sub: "system:serviceaccount:a:b",
      aud: ["istio-ca"],
    });
    expect(readFileSync(join(state, "ca/state.json"), "utf8")).toContain('"phase": "stable"');
    rmSync(state, { recursive: true });
  }, 30_000);
});
