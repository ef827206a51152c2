import { resolve } from "node:path";
import { readSecretsConfig } from "@weft/identity";
import { readPilotChannel } from "./pilot-options.ts";

const at = (discoveryAddress: string, raw: Readonly<Record<string, unknown>> = {}) => ({
  discoveryAddress,
  raw,
});
const secure = at("istiod.istio-system.svc:15012");

describe("readPilotChannel()", () => {
  it.each([
    [at("localhost:15010")],
    [at("pilot:26010")],
    [at("pilot:15012", { controlPlaneAuthPolicy: "NONE" })],
  ])("is plain text to %j", (proxyConfig) => {
    expect(readPilotChannel({}, proxyConfig, undefined)).toBeUndefined();
  });

  it("is Istio's with TLS where nothing else is said", () => {
    expect(readPilotChannel({}, secure, undefined)).toEqual({
      rootFile: resolve("var/run/secrets/istio/root-cert.pem"),
      followCa: true,
      tokenFile: resolve("var/run/secrets/tokens/istio-token"),
    });
    const policy = { controlPlaneAuthPolicy: "MUTUAL_TLS" };
    expect(readPilotChannel({}, at("pilot:26012", policy), undefined)).toBeDefined();
  });

  it.each([
    [{ XDS_ROOT_CA: "SYSTEM" }, { rootFile: undefined, followCa: false }],
    [{ XDS_ROOT_CA: "/roots.pem" }, { rootFile: "/roots.pem", followCa: false }],
    [
      { PILOT_CERT_PROVIDER: "kubernetes" },
      { rootFile: "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", followCa: false },
    ],
    [{ PILOT_CERT_PROVIDER: "custom" }, { rootFile: resolve("etc/certs/root-cert.pem"), followCa: false }],
    [{ PILOT_CERT_PROVIDER: "none" }, { rootFile: undefined, followCa: false }],
    [
      { CA_ADDR: "ca:15012", CA_ROOT_CA: "/ca.pem" },
      { rootFile: "/ca.pem", followCa: true },
    ],
    [{ ISTIOD_SAN: "istiod" }, { serverName: "istiod" }],
    [{ ISTIOD_SAN: "istiod", PILOT_SAN: "pilot" }, { serverName: "pilot" }],
    [{ CA_TOKEN_FILE: "/token" }, { tokenFile: "/token" }],
    [{ FILE_MOUNTED_CERTS: "true" }, { rootFile: resolve("etc/certs/root-cert.pem") }],
  ])("reads %j", (env, expected) => {
    expect(readPilotChannel(env, secure, readSecretsConfig(env, "default"))).toMatchObject(expected);
  });

  it("shows no token where certificates are mounted", () => {
    const env = { FILE_MOUNTED_CERTS: "true" };
    expect(readPilotChannel(env, secure, readSecretsConfig(env, "default"))).not.toHaveProperty("tokenFile");
  });

  it.each([
    [{}, at("10.0.0.1:15012"), "set PILOT_SAN"],
    [{ PILOT_CERT_PROVIDER: "vault" }, secure, "vault is not known"],
    [{}, at("pilot:15012", { controlPlaneAuthPolicy: "mTLS" }), "allowed are MUTUAL_TLS and NONE"],
  ])("refuses %j", (env, proxyConfig, message) => {
    expect(() => readPilotChannel(env, proxyConfig, undefined)).toThrow(message);
  });
});
