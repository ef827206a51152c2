import type { Any } from "@bufbuild/protobuf/wkt";
import { toEnvoyJson, unpackAny } from "@weft/envoy-api";
import type { ServerTLSSettings } from "@weft/istio-api";
import { toDownstreamSocket } from "../envoy/server-tls.ts";
import type { ProxyTraits } from "../ir/index.ts";
import { buildServerTls, secretName } from "./tls.ts";

function contextOf(settings: ServerTLSSettings, agentServesFiles: boolean) {
  const tls = buildServerTls(settings, true);
  if ("missing" in tls) return tls.missing;
  const { configType } = toDownstreamSocket(tls, { agentServesFiles } as ProxyTraits); // all that it reads
  if (configType?.case !== "typedConfig") throw new Error("no configuration");
  const unpacked = unpackAny(configType.value as Any); // packed by the function
  if (unpacked === undefined) throw new Error("an unknown type");
  const json = toEnvoyJson(unpacked.schema, unpacked.message) as {
    require_client_certificate: boolean;
    common_tls_context: Record<string, unknown>;
  };
  return json;
}

/** `certificates|authorities|required`, sources by name, `@` in front of files that the proxy reads itself. */
function summary(settings: ServerTLSSettings, agentServesFiles = true): string {
  const found = contextOf(settings, agentServesFiles);
  if (typeof found === "string") return found;
  const common = found.common_tls_context as {
    tls_certificate_sds_secret_configs?: { name: string }[];
    tls_certificates?: { certificate_chain: { filename: string } }[];
    combined_validation_context?: { validation_context_sds_secret_config: { name: string } };
    validation_context?: { trusted_ca: { filename: string } };
  };
  const certificates = [
    ...(common.tls_certificate_sds_secret_configs ?? []).map(({ name }) => name),
    ...(common.tls_certificates ?? []).map(({ certificate_chain: chain }) => `@${chain.filename}`),
  ];
  const file = common.validation_context?.trusted_ca.filename;
  const authority =
    common.combined_validation_context?.validation_context_sds_secret_config.name ??
    (file === undefined ? "" : `@${file}`);
  return `${certificates.join()}|${authority}|${found.require_client_certificate}`;
}

const files = { serverCertificate: "/c", privateKey: "/k", caCertificates: "/r" };

describe("buildServerTls()", () => {
  it.each<[string, ServerTLSSettings, string]>([
    ["a Secret", { mode: "SIMPLE", credentialName: "c" }, "kubernetes://c||false"],
    [
      "a Secret of clients",
      { mode: "MUTUAL", credentialName: "c" },
      "kubernetes://c|kubernetes://c-cacert|true",
    ],
    [
      "two Secrets",
      { mode: "OPTIONAL_MUTUAL", credentialNames: ["a", "b"] },
      "kubernetes://a,kubernetes://b|kubernetes://a-cacert|false",
    ],
    [
      "authorities of their own",
      { mode: "MUTUAL", credentialName: "c", caCertCredentialName: "configmap://n/r" },
      "kubernetes://c|configmap://n/r-cacert|true",
    ],
    [
      "authorities named as the Gateway API's are",
      { mode: "MUTUAL", credentialName: "c", caCertCredentialName: "configmap://n/r-cacert" },
      "kubernetes://c|configmap://n/r-cacert|true",
    ],
    ["the workload's certificate", { mode: "SIMPLE", credentialName: "builtin://" }, "default||false"],
    ["the mesh's certificates", { mode: "ISTIO_MUTUAL" }, "default|ROOTCA|true"],
    ["files", { mode: "MUTUAL", ...files }, "file-cert:/c~/k|file-root:/r|true"],
    [
      "files of two keys",
      { mode: "SIMPLE", tlsCertificates: [files, { serverCertificate: "/c2", privateKey: "/k2" }] },
      "file-cert:/c~/k,file-cert:/c2~/k2||false",
    ],
    ["nothing", { mode: "SIMPLE" }, "a certificate: credentialName, or serverCertificate with privateKey"],
    [
      "a chain without a key",
      { mode: "SIMPLE", serverCertificate: "/c" },
      "a certificate: credentialName, or serverCertificate with privateKey",
    ],
    [
      "no authorities",
      { mode: "MUTUAL", serverCertificate: "/c", privateKey: "/k" },
      "authorities for clients' certificates: credentialName or caCertificates",
    ],
  ])("takes %s", (_name, settings, expected) => {
    expect(summary(settings)).toBe(expected);
  });

  it("leaves files to a proxy without Istio's agent", () => {
    expect(summary({ mode: "MUTUAL", ...files }, false)).toBe("@/c|@/r|true");
  });

  it("carries over versions, ciphers and what clients' certificates must be", () => {
    const found = contextOf(
      {
        mode: "MUTUAL",
        credentialName: "c",
        minProtocolVersion: "TLSV1_2",
        maxProtocolVersion: "TLSV1_3",
        cipherSuites: ["ECDHE-RSA-AES128-GCM-SHA256"],
        subjectAltNames: ["a.example.com"],
        verifyCertificateSpki: ["spki"],
        verifyCertificateHash: ["hash"],
        caCrl: "/crl",
      },
      true,
    );
    expect(found).toMatchObject({
      common_tls_context: {
        alpn_protocols: ["h2", "http/1.1"],
        tls_params: {
          tls_minimum_protocol_version: "TLSv1_2",
          tls_maximum_protocol_version: "TLSv1_3",
          cipher_suites: ["ECDHE-RSA-AES128-GCM-SHA256"],
        },
        combined_validation_context: {
          default_validation_context: {
            match_subject_alt_names: [{ exact: "a.example.com" }],
            verify_certificate_spki: ["spki"],
            verify_certificate_hash: ["hash"],
            crl: { filename: "/crl" },
          },
        },
      },
    });
  });
});

describe("secretName()", () => {
  it.each([
    ["c", "kubernetes://c"],
    ["n/c", "kubernetes://n/c"],
    ["kubernetes-gateway://n/c", "kubernetes-gateway://n/c"],
    ["kubernetes://n/c", "kubernetes://n/c"],
  ])("of %s is %s", (credential, name) => {
    expect(secretName(credential)).toBe(name);
  });
});
