import type { ClientTLSSettings } from "@weft/istio-api";
import { ProblemList } from "../problems.ts";
import { buildBackendTls } from "./tls.ts";

const sni = "outbound_.443_.v1_.web";
const base = {
  port: 443,
  subset: "v1",
  host: "web",
  identities: ["spiffe://a"],
  names: [],
  http2: false,
  takesCredentials: true,
};
const build = (
  settings: ClientTLSSettings | undefined,
  automatic: "where-taken" | "always" | "never" = "where-taken",
) => buildBackendTls({ ...base, settings, automatic }, undefined);

describe("buildBackendTls()", () => {
  it("is mutual by itself, as far as the endpoints take it", () => {
    const mesh = { sni, identities: ["spiffe://a"], http2: false };
    expect(build(undefined)).toEqual({ kind: "auto", ...mesh });
    expect(build(undefined, "always")).toEqual({ kind: "mesh", ...mesh });
    expect(build(undefined, "never")).toBeUndefined();
    expect(build({ mode: "DISABLE" })).toBeUndefined();
  });

  it("is always mutual where the rule says ISTIO_MUTUAL, with the rule's names", () => {
    expect(build({ mode: "ISTIO_MUTUAL", sni: "s", subjectAltNames: ["spiffe://b"] }, "never")).toEqual({
      kind: "mesh",
      sni: "s",
      identities: ["spiffe://b"],
      http2: false,
    });
  });

  it.each<[ClientTLSSettings, object]>([
    [{ mode: "SIMPLE" }, { autoSni: true, roots: { kind: "system" }, insecureSkipVerify: false }],
    [
      { mode: "SIMPLE", sni: "s" },
      { autoSni: false, sni: "s" },
    ],
    [{ mode: "SIMPLE", caCertificates: "/ca" }, { roots: { kind: "file", path: "/ca" } }],
    [
      { mode: "MUTUAL", clientCertificate: "/c", privateKey: "/k" },
      { certificate: { kind: "files", chain: "/c", key: "/k" }, roots: { kind: "system" } },
    ],
    [{ mode: "SIMPLE", caCertificates: "/ca", caCrl: "/crl" }, { crl: "/crl" }],
    [{ mode: "SIMPLE", credentialName: "c" }, { roots: { kind: "secret", name: "kubernetes://c-cacert" } }],
    [
      { mode: "MUTUAL", credentialName: "c", insecureSkipVerify: true },
      { certificate: { kind: "secret", name: "kubernetes://c" } },
    ],
  ])("follows %j", (settings, expected) => {
    expect(build(settings)).toMatchObject({ kind: "custom", ...expected });
  });

  it.each([
    [undefined, ["of-entry"]],
    [[], ["of-entry"]],
    [["of-rule"], ["of-rule"]],
  ])("expects the names of the ServiceEntry unless the rule has its own: %j", (subjectAltNames, expected) => {
    const settings: ClientTLSSettings = { mode: "SIMPLE", ...(subjectAltNames ? { subjectAltNames } : {}) };
    const tls = buildBackendTls({ ...base, names: ["of-entry"], settings, automatic: "never" }, undefined);
    expect(tls).toMatchObject({ subjectAltNames: expected });
  });

  it("verifies nothing only where it is told to", () => {
    expect(build({ mode: "SIMPLE", insecureSkipVerify: true })).not.toHaveProperty("roots");
  });

  it("reports a credential that not every sidecar may ask for, and still uses TLS", () => {
    const problems = new ProblemList();
    const report = problems.for({ apiVersion: "v1", kind: "DestinationRule", name: "r", namespace: "ns" });
    const settings: ClientTLSSettings = { mode: "MUTUAL", credentialName: "cert" };
    const input = { ...base, settings, automatic: "never", takesCredentials: false } as const;
    expect(buildBackendTls(input, report)).toMatchObject({ kind: "custom", roots: { kind: "system" } });
    expect(problems.all().map(({ path }) => path)).toEqual(["spec.trafficPolicy.tls.credentialName"]);
  });
});
