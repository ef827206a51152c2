import { resolve } from "node:path";
import { defaultMeshConfig } from "@weft/istio-api";
import { readSecureOptions, type SecureFlags } from "./secure-options.ts";

const grpc = { host: "", port: 15012 };
const read = (flags: SecureFlags, env: Readonly<Record<string, string>> = {}) =>
  readSecureOptions(flags, grpc, { env, meshConfig: { ...defaultMeshConfig, trustDomain: "mesh.example" } });
const files = { tlsCertFile: "cert.pem", tlsKeyFile: "key.pem", caCertFile: "roots.pem" };

describe("readSecureOptions()", () => {
  it("is nothing where there is no certificate to be had", () => {
    expect(read({})).toBeUndefined();
  });

  it("takes pilot's certificate from a CA, for pilot's account in the mesh's trust domain", () => {
    const CA_ADDR = "istio-citadel.istio-system.svc:15012";
    expect(read({}, { CA_ADDR })).toMatchObject({
      grpc,
      secrets: {
        kind: "ca",
        identity: { trustDomain: "mesh.example", namespace: "istio-system", serviceAccount: "istiod" },
      },
      audiences: ["istio-ca"],
      oidc: undefined,
    });
    const env = {
      CA_ADDR,
      SERVICE_ACCOUNT: "pilot-discovery",
      POD_NAMESPACE: "weft",
      TOKEN_AUDIENCES: "a,b",
    };
    expect(read({}, env)).toMatchObject({
      secrets: { identity: { namespace: "weft", serviceAccount: "pilot-discovery" } },
      audiences: ["a", "b"],
    });
  });

  it("takes files that are named, and keys of an issuer", () => {
    const oidc = { oidcIssuer: "https://issuer", oidcJwks: "https://issuer/keys" };
    expect(read({ ...files, ...oidc })).toMatchObject({
      secrets: { kind: "files", files: { roots: resolve("roots.pem") } },
      oidc: { issuer: "https://issuer", jwksUrl: "https://issuer/keys" },
    });
  });

  it.each([
    [{ tlsCertFile: "cert.pem" }, "go together"],
    [{ ...files, oidcIssuer: "https://issuer" }, "--oidc-issuer and --oidc-jwks go together"],
  ])("refuses %j", (flags, message) => {
    expect(() => read(flags)).toThrow(message);
  });
});
