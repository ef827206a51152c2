import { testCertificate } from "@weft/testkit";
import { createStore } from "../store.ts";
import { readCredential } from "./credential.ts";

const { certificate, key } = testCertificate;
const other =
  "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n";
const secret = (stringData: Record<string, unknown>, data = {}, kind = "Secret") => ({
  apiVersion: "v1",
  kind,
  metadata: { name: "s", namespace: "default", labels: {}, annotations: {} },
  body: { stringData, data },
});
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("readCredential()", () => {
  it.each([
    ["Kubernetes' names", secret({ "tls.crt": certificate, "tls.key": key })],
    ["Istio's names", secret({ cert: certificate, key })],
    ["base64", secret({}, { "tls.crt": base64(certificate), "tls.key": base64(key) })],
  ])("reads a certificate with its key by %s", (_name, object) => {
    expect(readCredential(object).keyPair).toEqual({
      chain: Buffer.from(certificate),
      key: Buffer.from(key),
    });
  });

  it.each([
    ["Kubernetes' name", secret({ "ca.crt": certificate })],
    ["Istio's name", secret({ cacert: certificate })],
    ["a ConfigMap's text", secret({}, { "ca.crt": certificate }, "ConfigMap")],
  ])("reads authorities by %s", (_name, object) => {
    expect(readCredential(object).authorities).toEqual({ roots: Buffer.from(certificate) });
  });

  it("reads what goes with them", () => {
    const found = readCredential(
      secret({
        "tls.crt": certificate,
        "tls.key": key,
        "tls.ocsp-staple": "staple",
        "ca.crt": certificate,
        "ca.crl": "crl",
      }),
    );
    expect(found).toMatchObject({
      keyPair: { ocspStaple: Buffer.from("staple") },
      authorities: { crl: Buffer.from("crl") },
    });
  });

  it.each([
    [{}, "has neither tls.crt with tls.key nor cert with key; it has nothing"],
    [{ "tls.crt": certificate }, "has neither tls.crt with tls.key nor cert with key; it has tls.crt"],
    [{ "tls.crt": "x", "tls.key": key }, "tls.crt and tls.key must be PEM"],
    [{ "tls.crt": certificate, "tls.key": other }, "tls.key is not the key of tls.crt"],
    [{ "tls.crt": 1, "tls.key": null }, "has neither tls.crt with tls.key nor cert with key; it has nothing"],
  ])("says what is wrong, and nothing of what it holds: %#", (data, problem) => {
    expect(readCredential(secret(data)).keyPair).toEqual({ problem });
  });

  it.each([
    [{}, "has neither ca.crt nor cacert; it has nothing"],
    [{ cacert: "x" }, "cacert must be PEM"],
  ])("says what is wrong with authorities: %#", (data, problem) => {
    expect(readCredential(secret(data)).authorities).toEqual({ problem });
  });
});

describe("credentials of a snapshot", () => {
  it("are those of its objects, read once", () => {
    const store = createStore();
    store.apply({ kind: "upsert", object: secret({ cert: certificate, key }) });
    const { credentials } = store.snapshot();
    const found = credentials.get("Secret", "default", "s");
    expect(found?.keyPair).toHaveProperty("chain");
    expect(credentials.get("Secret", "default", "s")).toBe(found);
    expect(credentials.get("ConfigMap", "default", "s")).toBeUndefined();
    expect(credentials.get("Secret", "other", "s")).toBeUndefined();
  });
});
