import { toEnvoyJson } from "@weft/envoy-api";
import { CertificateValidationContextSchema } from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import { SecretSchema } from "@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { SecretRecord, SecretStore, SecretValue } from "../tls/index.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

/** Secrets of SDS for `/config_dump`, in Envoy's shape: those that are there, and those that are waited for. */
export function dumpSecrets({ records }: SecretStore, wanted: (name: string) => boolean) {
  const all = [...records.values()].filter(({ ref }) => wanted(ref.name));
  return {
    dynamic_active_secrets: all.flatMap((record) =>
      record.value === undefined ? [] : [entry(record, describe(record.value))],
    ),
    dynamic_warming_secrets: all
      .filter(({ value }) => value === undefined)
      .map((record) => entry(record, {})),
  };
}

function entry({ ref, version, lastUpdated }: SecretRecord, secret: object) {
  return {
    name: ref.name,
    ...(version !== "" && { version_info: version }),
    last_updated: new Date(lastUpdated).toISOString(),
    secret: { "@type": `type.googleapis.com/${SecretSchema.typeName}`, name: ref.name, ...secret },
  };
}

/** The key is never exported: what stands for it says so. */
function describe(value: SecretValue): object {
  if (value.kind === "validation")
    return { validation_context: toEnvoyJson(CertificateValidationContextSchema, value.message) };
  const chain = value.certificates.map((certificate) => certificate.toString()).join("");
  return {
    tls_certificate: {
      certificate_chain: { inline_bytes: base64(chain) },
      private_key: { inline_bytes: base64("[redacted]") },
    },
  };
}
