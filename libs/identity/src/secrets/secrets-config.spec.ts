import { resolve } from "node:path";
import { readSecretsConfig } from "./secrets-config.ts";

const CA_ADDR = "istiod.istio-system.svc:15012";

describe("readSecretsConfig()", () => {
  it("is nothing unless a CA or mounted certificates are named", () => {
    expect(readSecretsConfig({}, "default")).toBeUndefined();
  });

  it("is Istio's where nothing but the CA is named", () => {
    expect(readSecretsConfig({ CA_ADDR }, "shop")).toEqual({
      kind: "ca",
      ca: {
        address: CA_ADDR,
        rootFile: resolve("var/run/secrets/istio/root-cert.pem"),
        tokenFile: resolve("var/run/secrets/tokens/istio-token"),
      },
      identity: { trustDomain: "cluster.local", namespace: "shop", serviceAccount: "default" },
      keyKind: { kind: "ecdsa", curve: "P-256" },
      ttlMs: 86_400_000,
      graceRatio: 0.5,
      graceJitter: 0.01,
    });
  });

  it("lets each value be another", () => {
    const env = {
      CA_ADDR: "10.0.0.1:15012",
      ISTIOD_SAN: "istiod.istio-system.svc",
      CA_ROOT_CA: "SYSTEM",
      CA_TOKEN_FILE: "/run/token",
      TRUST_DOMAIN: "example.org",
      SERVICE_ACCOUNT: "web",
      SECRET_TTL: "20s",
      SECRET_GRACE_PERIOD_RATIO: "0.25",
      WORKLOAD_RSA_KEY_SIZE: "4096",
    };
    expect(readSecretsConfig(env, "shop")).toMatchObject({
      ca: { rootFile: undefined, tokenFile: "/run/token", serverName: "istiod.istio-system.svc" },
      identity: { trustDomain: "example.org", serviceAccount: "web" },
      keyKind: { kind: "rsa", bits: 4096 },
      ttlMs: 20_000,
      graceRatio: 0.25,
    });
  });

  it("takes mounted certificates before a CA", () => {
    const files = {
      certificateChain: resolve("etc/certs/cert-chain.pem"),
      privateKey: resolve("etc/certs/key.pem"),
      roots: resolve("etc/certs/root-cert.pem"),
    };
    expect(readSecretsConfig({ CA_ADDR, FILE_MOUNTED_CERTS: "true" }, "shop")).toEqual({
      kind: "files",
      files,
    });
  });

  it.each([
    [{ CA_ADDR: "istiod" }, "CA_ADDR: istiod is no address"],
    [{ CA_ADDR: "127.0.0.1:15012" }, "use a DNS name, or set ISTIOD_SAN"],
    [{ CA_ADDR: "[::1]:15012" }, "use a DNS name, or set ISTIOD_SAN"],
    [{ CA_ADDR, SECRET_TTL: "10ms" }, "SECRET_TTL: 10ms is no duration of 1s or more"],
    [{ CA_ADDR, SECRET_GRACE_PERIOD_RATIO: "2" }, "SECRET_GRACE_PERIOD_RATIO: 2 is no number from 0 to 1"],
    [{ CA_ADDR, WORKLOAD_RSA_KEY_SIZE: "1024" }, "WORKLOAD_RSA_KEY_SIZE: 1024 is no size from 2048 to 8192"],
    [{ CA_ADDR, ECC_SIGNATURE_ALGORITHM: "ED25519" }, "ECC_SIGNATURE_ALGORITHM: ED25519 is not known"],
  ])("says of %j what is wrong", (env, message) => {
    expect(() => readSecretsConfig(env, "shop")).toThrow(message);
  });
});
